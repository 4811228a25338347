"""Paying an approved list: one batch a bank (or the whole in cash, or one payment to a provider), and what the bank answers.

What came back goes onto a later batch when the village has written down another account of the same person and one
working day has passed; where the bank says that the account is right, the same one is tried again.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access import vault
from access.roles import title_of
from access.scope import posts_of
from audit import clock
from audit.context import acting
from casework.bank_words import ACCOUNT_IS_RIGHT
from casework.errors import BadCaseData, KeyReused, NotYourTurn, SecondDuty, WrongState
from casework.rosters.models import Roster, RosterBatch, RosterLine
from casework.rosters.planning import by_index
from flows import calendar
from flows.parameters import Period
from funds import bulk, ledger, providers
from funds import services as funds
from funds.models import LIVING, Payment, PaymentBatch, Reservation

MAKES = "fund_manager"
ACCOUNT_WAIT = Period(1)  # working days between writing down another account and paying to it
ANSWERED = {True: "credited", False: "returned", None: "unknown"}

# Lines whose money is held and on no list; one that came back has another account, or one that the bank calls right.
_PAYABLE = """
FROM casework_rosterline l
  JOIN casework_roster o ON o.id = l.roster_id
  JOIN funds_reservation r ON r.key = 'roster:' || l.roster_id || ':' || l.n
  JOIN families_person p ON p.id = l.person_id
  LEFT JOIN families_bankaccount signed ON signed.id = l.account_id
  LEFT JOIN families_bankaccount a ON a.household_id = l.household_id AND a.is_active
  LEFT JOIN families_person held ON held.id = a.holder_id
  LEFT JOIN access_staff s ON s.id = a.recorded_by_id
  LEFT JOIN LATERAL (
    SELECT count(*) AS times, bool_or(x.state IN ('listed', 'sent', 'credited', 'unknown')) AS under_way,
           max(x.id) FILTER (WHERE x.state = 'returned') AS back_id
    FROM funds_payment x WHERE x.reservation_id = r.id) paid ON true
  LEFT JOIN funds_payment back ON back.id = paid.back_id
WHERE l.roster_id = %(roster)s AND l.state = 'on' AND r.released_fen < r.amount_fen AND NOT coalesce(paid.under_way, false)
  AND p.died_on IS NULL
  AND (o.channel = 'cash' OR (
    held.died_on IS NULL AND a.holder_id = signed.holder_id AND (a.id = signed.id OR a.recorded_on <= %(settled)s)
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
    with by_index() as cursor:
        cursor.execute(
            "SELECT CASE o.channel WHEN 'cash' THEN '' ELSE a.bank END AS bank, count(*), sum(r.amount_fen - r.released_fen)::bigint"
            f"{_PAYABLE} GROUP BY 1 ORDER BY 1",
            _values(roster, None),
        )
        return [Payable(*row) for row in cursor.fetchall()]


def _payable_to_provider(roster: Roster) -> list[Payable]:
    held = funds.held_reservation(roster.subject)
    if held is None or held.payments.filter(state__in=LIVING).exists():
        return []
    return [Payable(roster.provider.bank, 1, held.amount_fen - held.released_fen)]


def _values(roster: Roster, bank: str | None) -> dict[str, Any]:
    return {"roster": roster.pk, "bank": bank, "right": list(ACCOUNT_IS_RIGHT), "settled": _settled_on()}


def _settled_on() -> datetime.date:
    """The last day on which an account may have been written down to be paid today."""
    day = today = clock.today()
    while calendar.add(day, ACCOUNT_WAIT) > today:
        day -= datetime.timedelta(days=1)
    return day


@transaction.atomic
def build(
    roster_id: int, *, by: Any, key: str, bank: str = "", progress: Callable[[int], None] = lambda done: None
) -> PaymentBatch:
    """List what may be paid today at one bank on a new batch; `key` makes a retry harmless.

    Raises NotYourTurn, SecondDuty, WrongState, BadCaseData when there is nothing to list, KeyReused.
    """
    number = f"PB-{clock.today():%Y%m%d}-{key[-8:].upper()}"
    known = PaymentBatch.objects.filter(number=number).first()
    if known:
        if known.maker_id != by.pk:
            raise KeyReused(_("这一页已经用过了，请重新打开再办。"))
        return known
    roster = Roster.objects.select_for_update().get(pk=roster_id)
    if not any(post.role == MAKES and post.reaches(roster) for post in posts_of(by)):
        raise NotYourTurn(_("这一步由%(who)s办。") % {"who": title_of(MAKES)})
    refuse_who_decided(roster, by)
    if roster.state != Roster.State.APPROVED:
        raise WrongState(_("名册批准以后才能付款。"))
    with acting(by, reason="build_roster_batch"):
        batch = funds.open_batch(number=number, title=roster.title, by=by, cash_reason=roster.cash_reason)
        RosterBatch.objects.create(roster=roster, batch=batch, bank=bank)
        if roster.channel == Roster.Channel.PROVIDER:
            count = _list_for_provider(roster, batch)
        else:
            count = bulk.list_many(_listings(roster, bank), batch, progress=progress)
        if not count:
            raise BadCaseData(_("这份名册现在没有能付的。账户刚改过的，要隔一个工作日。"))
    return batch


def refuse_who_decided(roster: Roster, by: Any) -> None:
    """Raises SecondDuty for whoever prepared or approved the list; PostgreSQL holds it too."""
    if by.person_key in (roster.preparer_person_key, roster.approver_person_key):
        raise SecondDuty(_("这份名册你编制或批准过，付款要由别人办。"))


def _list_for_provider(roster: Roster, batch: PaymentBatch) -> int:
    if not _payable_to_provider(roster):
        return 0
    held = funds.held_reservation(roster.subject)
    back = held.payments.filter(state="returned", replaced_by__isnull=True).order_by("-id").first()
    attempt = held.payments.count() + 1
    funds.list_payment(
        held, batch, providers.payee_of(roster.provider), key=f"{roster.subject}:pay:{attempt}", replaces=back
    )
    return 1


def _listings(roster: Roster, bank: str) -> Iterator[bulk.Listing]:
    """Read through a cursor of the server; one account number at a time is in clear."""
    is_cash = roster.channel == Roster.Channel.CASH
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT r.id, l.n, paid.times, back.id, p.name, p.person_key, a.uid, a.number_sealed, a.number_index, a.kind, a.bank,"
            f" held.name, held.person_key, s.person_key {_PAYABLE} ORDER BY l.n",
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


def roster_of(batch: PaymentBatch) -> Roster | None:
    """The list that a batch pays; None for a batch of cases."""
    found = RosterBatch.objects.filter(batch=batch).select_related("roster").first()
    return found.roster if found else None


def send(batch: PaymentBatch, progress: Callable[[int], None] = lambda done: None) -> int:
    """Everything that a released batch of a list holds is with the bank, but what may no longer be paid is not sent.

    Raises BadCaseData when somebody on it has died since it was made.
    """
    died = (
        RosterLine.objects.filter(roster__batches__batch=batch, person__died_on__isnull=False, state="on")
        .extra(
            where=[
                "EXISTS (SELECT 1 FROM funds_payment x JOIN funds_reservation r ON r.id = x.reservation_id WHERE x.batch_id = %s"
                " AND x.state = 'listed' AND r.key = 'roster:' || casework_rosterline.roster_id || ':' || casework_rosterline.n)"
            ],
            params=[batch.pk],
        )
        .select_related("person")
        .first()
    )
    if died is not None:
        raise BadCaseData(
            _("第 %(n)d 行的%(name)s登记为去世，请先把这一笔移出这一批。") % {"n": died.n, "name": died.person.name}
        )
    return bulk.send_many(batch, progress=progress)


def of_lists(payments: Iterable[Payment]) -> dict[int, Payment]:
    """Those of the payments that pay a list."""
    return {payment.pk: payment for payment in payments if payment.subject.startswith("roster:")}


@transaction.atomic
def record(answers: Iterable[Any], *, by: Any, progress: Callable[[int], None] = lambda done: None) -> int:
    """Record what the bank answered of payments of lists, set by set; returns how many were new.

    An answer has payment_id, credited (None: the bank cannot say), reason, bank_reference and answered_on. One that says
    what was recorded before changes nothing. Raises WrongPaymentState for a payment that is not with the bank.
    """
    if not any(post.role in ("cashier", MAKES) for post in posts_of(by)):
        raise NotYourTurn(_("银行的答复由出纳或资金管理记。"))
    done = 0
    with acting(by, reason="record_answers"):
        for part in bulk.in_sets(answers):
            states = dict(Payment.objects.filter(pk__in=[one.payment_id for one in part]).values_list("pk", "state"))
            fresh = [one for one in part if states.get(one.payment_id) != ANSWERED[one.credited]]
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


def lines_of(payments: Iterable[Payment]) -> dict[str, RosterLine]:
    """{subject: its line, with the accounts of its household} in two queries; payments to providers have none."""
    wanted = Q(pk__in=())
    for payment in payments:
        _kind, roster, *n = payment.subject.split(":")
        if n:
            wanted |= Q(roster=roster, n=n[0])
    rows = RosterLine.objects.filter(wanted).select_related("roster", "person", "household", "village", "account")
    return {line.key: line for line in rows.prefetch_related("household__accounts")}


def is_mended(payment: Payment, line: RosterLine) -> bool:
    """Whether the household's account of today is another than the one that failed, or the bank calls that one right."""
    now = [account for account in line.household.accounts.all() if account.is_active]
    is_right = payment.returned_reason.partition("：")[0] in ACCOUNT_IS_RIGHT
    return is_right or any(account.number_index != payment.account_index for account in now)
