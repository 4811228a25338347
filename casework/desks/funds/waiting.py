"""Cases whose money is next: approved, released in an emergency, a part that is due, or returned by the bank and mended.

Each comes with "" or the sentence why it cannot go on a list today, so that nobody learns it from a failed batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from audit import clock
from casework import guards, limits, recusal
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.reach import cases_in_reach, posts_for
from casework.digests import approval_digest
from casework.models import Case, CaseDuty
from casework.reissuing import why_not_again
from casework.steps.payment import CHANGED_SINCE_IT_CAME_BACK, another_account_than, why_unpayable
from families.models import BankAccount
from flows.states import DUTIES, STATES
from funds import instalments, providers
from funds.models import LIVING, Instalment, Payment, Reservation
from funds.money import yuan

WAITING = ("fund_reserved", "emergency_released", "payment_returned")
BETWEEN = "between_payments"
MOST_AT_ONCE = 500


@dataclass
class Waiting:
    """One case that waits for payment; `because` is "" when it can be listed now."""

    case: Case
    amount_fen: int
    because: str = ""
    returned: Payment | None = None
    fund_name: str = ""
    part: Instalment | None = None
    helped: dict[str, int] = field(default_factory=dict)

    @property
    def state_title(self) -> Any:
        return STATES[self.case.state].title

    @property
    def programme_title(self) -> Any:
        return programme_title(self.case.programme)

    @property
    def is_provider(self) -> bool:
        return self.case.provider_id is not None

    @property
    def payee_name(self) -> str:
        return self.case.provider.name if self.case.provider else self.case.payee_account.holder.name

    @property
    def account_masked(self) -> str:
        provider = self.case.provider
        return f"**** {provider.account_last4}" if provider else self.case.payee_account.masked

    @property
    def part_words(self) -> str:
        return self.part.title if self.part else ""

    @property
    def helped_words(self) -> str:
        """What the person was decided to get this year, by programme and kind of list; this case is part of it."""
        return " · ".join(f"{programme_title(code)} {yuan(fen)}" for code, fen in sorted(self.helped.items()))

    @property
    def helped_fen(self) -> int:
        return sum(self.helped.values())

    def line(self, *, is_cash: bool = False) -> guards.Line:
        return guards.line_of(self.case, self.amount_fen, instalment=self.part.n if self.part else 1, is_cash=is_cash)


def waiting_cases(
    user: Any, *, programme: str = "", village_id: int | None = None, later: bool = False
) -> QuerySet[Case]:
    """What waits for payment within reach, the longest waiting first; with `later` also parts that are not due yet."""
    rows = cases_in_reach(user).filter(is_open=True, state__in=(*WAITING, BETWEEN))
    if not later:
        rows = rows.filter(~Q(state=BETWEEN) | _part_is_due())
    if programme:
        rows = rows.filter(programme=programme)
    if village_id:
        rows = rows.filter(village_id=village_id)
    return rows.order_by("due_on", "id")


def _part_is_due() -> Q:
    """The condition that the next part of a case may be paid today, as instalments.why_not_yet says it."""
    spoken_for = Payment.objects.filter(reservation=OuterRef("reservation"), instalment=OuterRef("n"), state__in=LIVING)
    open_parts = Instalment.objects.filter(
        ~Exists(spoken_for),
        reservation__subject=Concat(Value("case:"), Cast(OuterRef(OuterRef("pk")), CharField())),
        reservation__released_fen__lt=F("reservation__amount_fen"),
        cancelled_on__isnull=True,
    )
    due = Instalment.objects.filter(
        Q(needs_check=False) | Q(checked_on__isnull=False),
        pk=Subquery(open_parts.order_by("n").values("pk")[:1]),
        due_on__lte=clock.today(),
    )
    return Q(Exists(due))


def look_at(cases: Iterable[Case], user: Any) -> list[Waiting]:
    """The cases with their amounts and obstacles. They should come with `payee_account__holder`, `beneficiary`, `provider`.

    A fixed number of queries however many they are, and two more for each that came off a list after the bank had
    returned it, which is rare.
    """
    cases = list(cases)
    subjects = [case.subject for case in cases]
    reserved = {
        row.subject: row
        for row in Reservation.objects.filter(subject__in=subjects, released_fen__lt=F("amount_fen"))
        .select_related("allocation__fund")
        .order_by("id")
    }
    parts = instalments.next_parts(reserved.values())
    last: dict[tuple[str, str], Payment] = {}  # {(subject, state): the newest}
    for payment in Payment.objects.filter(subject__in=subjects).select_related("batch").order_by("id"):
        last[payment.subject, payment.state] = payment
    barred = _barred(cases, user)
    accounts: dict[int, list[BankAccount]] = {}
    for account in BankAccount.objects.filter(household__in=[case.household_id for case in cases], is_active=True):
        accounts.setdefault(account.household_id, []).append(account)
    found = []
    for case in cases:
        reservation = reserved.get(case.subject)
        came_back = last.get((case.subject, Payment.State.RETURNED))
        credited = last.get((case.subject, Payment.State.CREDITED))
        back = came_back if case.state == "payment_returned" else None
        in_parts = reservation is not None and reservation.pk in parts
        part = parts[reservation.pk] if reservation and in_parts else None
        found.append(
            Waiting(
                case,
                _amount(case, reservation, part),
                (instalments.why_not_yet(part) if in_parts else "")
                or (why_not_again(case, back) if back else "")
                or (_other_account(case, credited) if case.state == BETWEEN and credited else "")
                or (_unsigned(case) if came_back and not back and case.state != BETWEEN else "")
                or why_unpayable(case, accounts.get(case.household_id, []))
                or (providers.why_unpayable(case.provider) if case.provider else "")
                or barred.get(case.pk, ""),
                back,
                reservation.allocation.fund.name if reservation else "",
                part,
            )
        )
    return found


def _amount(case: Case, reservation: Reservation | None, part: Instalment | None) -> int:
    if part is not None:
        return part.amount_fen
    return reservation.amount_fen - reservation.released_fen if reservation else case.amount_fen


def _other_account(case: Case, credited: Payment) -> str:
    index = case.provider.account_index if case.provider else case.payee_account.number_index
    return another_account_than(credited, index)


def with_help_of_the_year(rows: list[Waiting]) -> list[Waiting]:
    """The rows with what each person gets this year of all programmes. One query."""
    helped = limits.helped({limits.key_of(row.case) for row in rows}, clock.today().year)
    for row in rows:
        row.helped = helped.get(limits.key_of(row.case), {})
    return rows


def _unsigned(case: Case) -> str:
    """Taken off a list again after the bank had returned it: the mended account is not what was signed for."""
    if approval_digest(case) == case.approved_digest:
        return ""
    return str(CHANGED_SINCE_IT_CAME_BACK)


def _barred(cases: list[Case], user: Any) -> dict[int, str]:
    """{case id: why this person may not list it}: the rules that act() enforces, for a whole page at once."""
    posts = posts_for(user, "make")
    if not posts:
        return {}
    persons = {user.person_key} | {post.principal_person_key for post in posts if post.principal_id}
    held = {
        duty.case_id: duty.duty
        for duty in CaseDuty.objects.filter(case__in=cases, person_key__in=persons).exclude(duty="list_payment")
    }
    related = recusal.own_families([case.household_id for case in cases], sorted(persons))
    reasons = {}
    for case in cases:
        if not any(post.reaches(case) for post in posts):
            reasons[case.pk] = _("由这个地方的资金管理列入。")
        elif case.household_id in related:
            reasons[case.pk] = _("你是这家的近亲属，要回避，由别人办。")
        elif case.pk in held:
            reasons[case.pk] = _("这一件里你办过「%(duty)s」，要由别人列入。") % {"duty": DUTIES[held[case.pk]]}
    return reasons
