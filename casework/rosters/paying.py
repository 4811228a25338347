"""Paying an approved list: one batch a bank (or the whole in cash, or one payment to a provider), and what the bank answers.

A line goes by the name and to the account that were signed, and waits while either is another one (casework.rosters.signing).
What came back goes onto a later batch when the village has written down another account, an approver has signed it and
one working day has passed; where the bank says that the account is right, the same one is tried again.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access import vault
from access.models import Staff
from access.roles import title_of
from access.scope import Bar, Post, post_for, posts_of
from audit import clock
from audit.context import acting
from casework import guards, handing_out, recusal, uploads
from casework.bank_words import ACCOUNT_IS_RIGHT
from casework.batch_numbers import built_with, number_of
from casework.errors import BadCaseData, NotYourTurn, SecondDuty, WrongState
from casework.rosters.looking_over import guarded
from casework.rosters.models import Roster, RosterBatch, RosterLine
from casework.rosters.planning import by_index
from casework.rosters.signing import SIGNED, STANDS
from families import services as families
from flows import calendar
from funds import bulk, cash, countersigning, ledger, providers
from funds import services as funds
from funds.models import LIVING, CashHandover, Countersign, Payment, PaymentBatch, Reservation

MAKES = "fund_manager"
ANSWERS = ("cashier", MAKES)
UNLISTS = (MAKES, "fund_checker")
ANSWERED = {True: "credited", False: "returned", None: "unknown"}

# Lines whose money is held and on no list, as they were signed; one that came back has another account, or one that the
# bank calls right.
_PAYABLE = f"""
FROM casework_rosterline l
  JOIN casework_roster o ON o.id = l.roster_id
  JOIN funds_reservation r ON r.key = 'roster:' || l.roster_id || ':' || l.n
  JOIN families_person p ON p.id = l.person_id
  {SIGNED}
  LEFT JOIN access_staff s ON s.id = a.recorded_by_id
  LEFT JOIN LATERAL (
    SELECT count(*) AS times, bool_or(x.state IN ('listed', 'sent', 'credited', 'unknown')) AS under_way,
           max(x.id) FILTER (WHERE x.state = 'returned') AS back_id
    FROM funds_payment x WHERE x.reservation_id = r.id) paid ON true
  LEFT JOIN funds_payment back ON back.id = paid.back_id
WHERE l.roster_id = %(roster)s AND l.state = 'on' AND r.released_fen < r.amount_fen AND NOT coalesce(paid.under_way, false)
  AND p.died_on IS NULL AND {STANDS}
  AND (o.channel = 'cash' OR (
    held.died_on IS NULL AND (a.id = l.account_id OR a.recorded_on <= %(settled)s)
    AND (back.id IS NULL OR a.number_index <> back.account_index OR split_part(back.returned_reason, '：', 1) = ANY (%(right)s))
    AND (%(bank)s::text IS NULL OR a.bank = %(bank)s)))
"""


@dataclass(frozen=True)
class Payable:
    """What could be listed now at one bank."""

    bank: str
    count: int
    total_fen: int


def payable(roster: Roster) -> list[Payable]:
    """What could be put on a batch today, bank by bank."""
    if roster.state != Roster.State.APPROVED:
        return []
    if roster.channel == Roster.Channel.PROVIDER:
        return _payable_to_provider(roster)
    with by_index(one_by_one=True) as cursor:
        cursor.execute(
            "SELECT CASE o.channel WHEN 'cash' THEN '' ELSE a.bank END AS bank, count(*), sum(r.amount_fen - r.released_fen)::bigint"
            f"{_PAYABLE} GROUP BY 1 ORDER BY 1",
            _values(roster, None),
        )
        return [Payable(*row) for row in cursor.fetchall()]


def _payable_to_provider(roster: Roster) -> list[Payable]:
    """As for families: not where it came back from, and to another account a working day after it was written down."""
    held = funds.held_reservation(roster.subject)
    if held is None or held.payments.filter(state__in=LIVING).exists():
        return []
    account = providers.account_of_today(roster.provider)
    if account is None or account.pk != roster.provider_id and account.recorded_on > _settled_on(roster):
        return []
    back = came_back(roster)
    if back is not None and not is_mended(back, None):
        return []
    return [Payable(account.bank, 1, held.amount_fen - held.released_fen)]


def came_back(roster: Roster) -> Payment | None:
    """The payment to the provider that the bank sent back and that was not sent again."""
    rows = Payment.objects.filter(subject=roster.subject, state=Payment.State.RETURNED, replaced_by__isnull=True)
    return rows.select_related("provider").order_by("-id").first()


def _values(roster: Roster, bank: str | None) -> dict[str, Any]:
    return {"roster": roster.pk, "bank": bank, "right": list(ACCOUNT_IS_RIGHT), "settled": _settled_on(roster)}


def _settled_on(roster: Roster) -> datetime.date:
    """The last day on which an account may have been written down to be paid today."""
    day = today = clock.today()
    while calendar.add(day, roster.rules.account_wait) > today:
        day -= datetime.timedelta(days=1)
    return day


@transaction.atomic
def build(
    roster_id: int, *, by: Any, key: str, bank: str = "", progress: Callable[[int], None] = lambda done: None
) -> PaymentBatch:
    """List what may be paid today at one bank on a new batch; `key` makes a retry harmless.

    Raises NotYourTurn, SecondDuty, Recused, WrongState, BadCaseData when there is nothing to list, PaymentBarred, KeyReused.
    """
    known = built_with(key, by=by)
    if known:
        return known
    roster = Roster.objects.select_for_update().get(pk=roster_id)
    post = demand_post(roster, (MAKES,), by)
    if roster.state != Roster.State.APPROVED:
        raise WrongState(_("名册批准以后才能付款。"))
    with acting(by, on_behalf_of=post.principal, reason="build_roster_batch"):
        batch = funds.open_batch(number=number_of(key), title=roster.title, by=by, cash_reason=roster.cash_reason)
        RosterBatch.objects.create(roster=roster, batch=batch, bank=bank)
        if roster.channel == Roster.Channel.PROVIDER:
            count = _list_for_provider(roster, batch)
        else:
            count = bulk.list_many(_listings(roster, bank), batch, progress=progress)
        if not count:
            raise BadCaseData(_("这份名册现在没有能付的。账户刚改过的，要审批重新签字，再隔一个工作日。"))
        guards.demand_sound(guarded(batch))
    return batch


def demand_post(roster: Roster, roles: Iterable[str], by: Any, *, after: Iterable[str] = ()) -> Post:
    """The post of these roles by which she takes a step in paying the list.

    Nobody who prepared or approved it does, nor one of `after` (person keys), nor anybody with a post that one of them
    has lent, nor whoever has her own family on it; of the first and the last PostgreSQL asks too. Raises NotYourTurn,
    SecondDuty, Recused.
    """
    decided = [key for key in (roster.preparer_person_key, roster.approver_person_key) if key]
    found = post_for(by, roles, roster, after=[*decided, *after])
    if found == Bar.NO_POST:
        who = _("或").join(title_of(role) for role in roles)
        raise NotYourTurn(_("这一步由%(who)s办。") % {"who": who})
    if found == Bar.STANDS_IN:
        raise SecondDuty(_("你是替前面经手的人代班，这一步不能用他的岗位办，要由别人办。"))
    if isinstance(found, Bar):
        if by.person_key in decided:
            raise SecondDuty(_("这份名册你编制或批准过，付款要由别人办。"))
        raise SecondDuty(_("这一批的前一步是你办的，要由别人办。"))
    recusal.refuse_own_list(roster, by)
    return found


@transaction.atomic
def unlist(payment_id: int, *, by: Any, reason: str) -> None:
    """Take one payment of a list off a batch that has not been released. Raises NotYourTurn, Recused, WrongPaymentState."""
    payment = Payment.objects.select_for_update(of=("self",)).select_related("batch").get(pk=payment_id)
    found = post_for(by, UNLISTS, roster_paid_by(payment))
    if isinstance(found, Bar):
        raise NotYourTurn(_("这一步由%(who)s办。") % {"who": _("或").join(title_of(role) for role in UNLISTS)})
    line = line_of(payment)
    if line is not None:
        recusal.refuse_own_line(line, by)
    with acting(by, on_behalf_of=found.principal, reason=reason):
        funds.unlist_payment(payment)


def _list_for_provider(roster: Roster, batch: PaymentBatch) -> int:
    if not _payable_to_provider(roster):
        return 0
    held = funds.held_reservation(roster.subject)
    attempt = held.payments.count() + 1
    payee = providers.payee_of(providers.account_of_today(roster.provider))
    funds.list_payment(held, batch, payee, key=f"{roster.subject}:pay:{attempt}", replaces=came_back(roster))
    return 1


def _listings(roster: Roster, bank: str) -> Iterator[bulk.Listing]:
    """Read through a cursor of the server; one account number at a time is in clear."""
    is_cash = roster.channel == Roster.Channel.CASH
    with connection.chunked_cursor() as cursor:
        with by_index(one_by_one=True):
            cursor.execute(
                "SELECT r.id, l.n, paid.times, back.id, p.name, p.person_key, a.uid, a.number_sealed, a.number_index, a.kind,"
                f" a.bank, held.name, held.person_key, s.person_key {_PAYABLE} ORDER BY l.n",
                _values(roster, None if is_cash else bank),
            )
        cursor.itersize = bulk.SET
        for (
            reservation_id, n, times, back_id, name, person_key, uid, sealed, index, kind, at_bank, holder, holder_key, recorder_key,
        ) in cursor:  # fmt: skip
            if is_cash:
                payee = funds.Payee(name, person_key, "", "", "cash", "", "")
            else:
                number = vault.unseal(sealed, row=f"families_bankaccount|number|{uid}")
                payee = funds.Payee(holder, holder_key, number, index, kind, at_bank, recorder_key or "")
            yield bulk.Listing(reservation_id, payee, f"{roster.subject}:{n}:pay:{times + 1}", replaces_id=back_id)


# --- with the bank ---------------------------------------------------------------------------------------------------


def of_lists(payments: Iterable[Payment]) -> dict[int, Payment]:
    """Those of the payments that pay a list."""
    return {payment.pk: payment for payment in payments if payment.subject.startswith("roster:")}


def demand_who_answers(subjects: Iterable[str], by: Any) -> None:
    """The bank's answers for the payments of a list are recorded by those who pay it, and by nobody from elsewhere.

    Raises NotYourTurn.
    """
    posts = [post for post in posts_of(by) if post.role in ANSWERS]
    for roster in Roster.objects.filter(pk__in={subject.split(":")[1] for subject in subjects}):
        if not any(post.reaches(roster) for post in posts):
            raise NotYourTurn(_("「%(title)s」的付款由当地的出纳或资金管理记。") % {"title": roster.title})


@transaction.atomic
def record(answers: Iterable[Any], *, by: Any, progress: Callable[[int], None] = lambda done: None) -> int:
    """Record what the bank answered of payments of lists, set by set; returns how many were new.

    Nobody records what the bank says of a line of her own family; the rest of the list she may. An answer has payment_id, credited (None: the bank cannot say), reason, bank_reference and answered_on. One that says
    what was recorded before changes nothing. Raises NotYourTurn for lists of elsewhere, Recused, WrongPaymentState for a payment
    that is not with the bank.
    """
    done = 0
    with acting(by, reason="record_answers"):
        for part in bulk.in_sets(answers):
            rows = Payment.objects.filter(pk__in=[one.payment_id for one in part]).values_list("pk", "subject", "state")
            states = {pk: state for pk, _subject, state in rows}
            demand_who_answers({subject for _pk, subject, _state in rows}, by)
            fresh = [one for one in part if states.get(one.payment_id) != ANSWERED[one.credited]]
            told = {one.payment_id for one in fresh}
            recusal.refuse_own_lines([subject for pk, subject, _state in rows if pk in told], by)
            today = clock.today()
            bulk.credit_many(
                bulk.Credited(one.payment_id, one.bank_reference, one.answered_on or today)
                for one in fresh
                if one.credited
            )
            bulk.bounce_many(
                bulk.Bounced(one.payment_id, one.bank_reference, one.reason, one.answered_on or today)
                for one in fresh
                if one.credited is False
            )
            bulk.lose_many(one.payment_id for one in fresh if one.credited is None)
            done += len(fresh)
            progress(done)
        ledger.settle_now()
    return done


# --- into a family's hands -------------------------------------------------------------------------------------------


def hands_out(user: Any, line: RosterLine) -> bool:
    """Whether this person's post lets her hand out the cash of a line; with whom says casework.handing_out."""
    return any(post.role in handing_out.HANDS_OUT and post.reaches(line.household) for post in posts_of(user))


@transaction.atomic
def hand_over(
    payment_id: int,
    *,
    by: Any,
    second: Staff,
    receipt: UploadedFile,
    handed_on: datetime.date,
    place: str,
    signed_how: str,
    received_by: str,
    shares_receipt: bool = False,
) -> CashHandover:
    """Record that two persons gave the cash of one line and have a signed receipt; the second is asked to confirm it. The
    same once more changes nothing.

    A payment is handed over once, unless the second objects, so the payment itself is the key of a retry. Raises NotYourTurn, Recused, BadCaseData when both
    are of the village committee, BadUpload for what is no picture, WrongState when it was recorded otherwise, SamePerson,
    WrongPaymentState for what is not with the payers or was not yet on that day; then the receipt is not kept either.
    """
    ledger.lock_allocations(Payment.objects.filter(pk=payment_id).values_list("reservation__allocation_id", flat=True))
    held = Payment.objects.select_for_update(of=("self",)).select_related("batch", "reservation__allocation")
    payment = held.get(pk=payment_id)
    line = line_of(payment)
    if line is None or not hands_out(by, line):
        raise NotYourTurn(_("送钱由村里、乡镇和资金岗位的人办，两个人一起。"))
    known = cash.living(payment)
    if known is not None:
        if (known.payer_one, known.payer_two, known.handed_on, known.received_by) == (
            by,
            second,
            handed_on,
            received_by,
        ):
            return known  # pressed twice
        raise WrongState(_("这一笔已经有人记过送到了，请刷新再看。"))
    handing_out.demand_two(line.household, line.household_id, by=by, second=second)
    picture = uploads.clean(receipt, pdf=False)
    with acting(by, reason="hand_over"):
        document = families.add_document(
            line.household,
            picture.file,
            kind="receipt",
            by=by,
            subject=line.key,
            content_type=picture.content_type,
            taken_on=picture.taken_on,
            place=picture.place,
        )
        given = funds.Handover((by, second), handed_on, place, signed_how, received_by, document.sha256, shares_receipt)
        return cash.hand_over(payment, given)


@transaction.atomic
def confirm_cash(asked: Countersign, *, by: Any) -> Countersign:
    """The second person says so too: the cash of the line has arrived. Raises NotYours, Recused, SecondPerson."""
    payment = asked.handover.payment
    ledger.lock_allocations([payment.reservation.allocation_id])
    line = line_of(payment)
    handing_out.refuse_the_close(line.household_id, by)
    answered = countersigning.confirm(asked.pk, by=by)
    ledger.settle_now()
    return answered


def object_to_cash(asked: Countersign, *, by: Any, words: str) -> Countersign:
    """It was not so: the payment stays with the payers. Raises SecondPerson, NotYours, SamePerson."""
    return countersigning.object_to(asked.pk, by=by, words=words)


# --- what came back --------------------------------------------------------------------------------------------------


def returned(condition: Q) -> QuerySet[Payment]:
    """Payments of lists that came back and were neither sent again nor given up, where `condition` on the place holds."""
    return (
        Payment.objects.filter(condition, subject__startswith="roster:", state="returned", replaced_by__isnull=True)
        .exclude(reservation__payments__state__in=LIVING)
        .filter(reservation__in=Reservation.objects.filter(released_fen=0))
        .order_by("answered_on", "id")
    )


def returned_count(condition: Q, most: int = 100) -> int:
    """How many there are, counted no further than `most`."""
    return returned(condition).order_by()[:most].count()


def waiting_for_village(condition: Q, most: int = 100) -> int:
    """How many wait for another account of the family: not cash, nor what the bank calls right, nor what is mended."""
    rows = list(returned(condition).exclude(account_kind="cash").filter(provider=None)[:most])
    lines = lines_of(rows)
    return sum(1 for payment in rows if not is_mended(payment, lines.get(payment.subject)))


def lines_of(payments: Iterable[Payment]) -> dict[str, RosterLine]:
    """{subject: its line, with the accounts of its household} in two queries; payments to providers have none."""
    wanted = Q(pk__in=())
    for payment in payments:
        _kind, roster, *n = payment.subject.split(":")
        if n:
            wanted |= Q(roster=roster, n=n[0])
    rows = RosterLine.objects.filter(wanted).select_related("roster", "person", "household", "village", "account")
    return {line.key: line for line in rows.prefetch_related("household__accounts")}


def line_of(payment: Payment) -> RosterLine | None:
    """The line that a payment pays; None for a payment to a provider, which pays them all."""
    return lines_of([payment]).get(payment.subject)


def roster_paid_by(payment: Payment) -> Roster:
    """The list that a payment pays, or a line of it."""
    return Roster.objects.get(pk=payment.subject.split(":")[1])


def is_mended(payment: Payment, line: RosterLine | None) -> bool:
    """Whether the account of today, of the household or (without a line) of the provider, is another than the one that
    failed, or the bank calls that one right."""
    if payment.returned_reason.partition("：")[0] in ACCOUNT_IS_RIGHT:
        return True
    if line is None:
        today = providers.account_of_today(payment.provider)
        return today is not None and today.account_index != payment.account_index
    now = [account for account in line.household.accounts.all() if account.is_active]
    return any(account.number_index != payment.account_index for account in now)
