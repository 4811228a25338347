"""What must not be paid, and what somebody has to look at first: for all lines of a batch at once, whatever their number.

    look_over(lines)                       [Finding, ...], what blocks first
    demand_looked_over(sets, "核过了")      raises PaymentBarred, or NotLookedOver when nobody said that she looked

Each case alone has been judged by its steps (casework/steps/payment.py), and a list as it was approved; here a payment is
seen beside the others: of the batch, of the year, and beside those who work here.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from access import reach
from access.models import Staff
from audit import clock
from casework import limits
from casework.errors import NotLookedOver, PaymentBarred
from casework.models import Case
from casework.redflags import just_under
from families.models import BankAccount, Person
from funds.models import LIVING, Payment
from funds.money import yuan

NEAR_CAP_PERCENT = 80  # of what one person may get in a year
MOST_TOLD = 8  # sentences of one refusal


@dataclass(frozen=True)
class Line:
    """One payment, as it will be listed or as it is. `payee` tells persons and providers apart; cash has no account.

    `persons` are those who must be alive. A line of a list has no case, but what was signed of it: that it stands, and why
    it may be paid in spite of what was found.
    """

    subject: str
    label: str  # names the line in a sentence
    household_id: int | None
    persons: tuple[Person, ...]
    amount_fen: int
    instalment: int
    payee: str
    payee_name: str
    account_index: str
    account_last4: str
    payment_id: int | None = None
    case: Case | None = None
    signed_because: str = ""
    is_signed: bool = True

    @property
    def is_declared(self) -> bool:
        """Whether somebody decided it in the knowledge that the money goes to those who work here."""
        return self.case.has_conflict and self.case.tier in ("T2", "T3") if self.case else bool(self.signed_because)


@dataclass(frozen=True)
class Finding:
    """A sentence that names the line and says what to do. What blocks is not paid; the rest needs one tick and a reason."""

    code: str
    subject: str
    text: str
    blocks: bool = True


@dataclass
class _Around:
    """What the lines are held against, one query a kind."""

    staff: set[str] = field(default_factory=set)  # person keys
    staff_accounts: set[str] = field(default_factory=set)  # blind indexes
    by_account: dict[str, list[Payment]] = field(default_factory=dict)  # living payments of this year
    explained: set[tuple[str, str]] = field(default_factory=set)  # (blind index, payee)
    # {(person, programme, cause): subjects that were paid this year}
    helped_before: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    parts_paid: set[tuple[str, int]] = field(default_factory=set)  # (subject, instalment)
    helped: dict[str, dict[str, int]] = field(default_factory=dict)


def line_of(
    case: Case, amount_fen: int, *, instalment: int = 1, is_cash: bool = False, payment_id: int | None = None
) -> Line:
    """The line that a case would be. It should come with `payee_account__holder`, `beneficiary` and `provider`."""
    provider, account = case.provider, case.payee_account
    if provider is not None:
        to = (_provider(provider.name), provider.name, provider.account_index, provider.account_last4)
    else:
        payee = account.holder.person_key or account.holder.name
        to = (payee, account.holder.name, "" if is_cash else account.number_index, account.number_last4)
    return _line_of_case(case, amount_fen, instalment, *to, payment_id)


def _line_of_case(case: Case, *rest: Any) -> Line:
    persons = {case.beneficiary_id: case.beneficiary}
    if case.provider_id is None:
        persons[case.payee_account.holder_id] = case.payee_account.holder
    label = f"{case.head_name}（{case.case_no}）"
    return Line(case.subject, label, case.household_id, tuple(persons.values()), *rest, case=case)


def lines_of(payments: Iterable[Payment]) -> list[Line]:
    """The lines of a batch of cases, with the accounts as they were listed. Two queries."""
    payments = list(payments)
    cases = Case.objects.select_related("payee_account__holder", "beneficiary", "provider").in_bulk(
        [int(payment.subject.removeprefix("case:")) for payment in payments]
    )
    return [
        _line_of_case(cases[int(payment.subject.removeprefix("case:"))], *_of_payment(payment)) for payment in payments
    ]


def line_of_list(payment: Payment, **about: Any) -> Line:
    """A line that pays somebody on a list; `about` are the fields that the payment does not know."""
    label, household_id, persons = about.pop("label"), about.pop("household_id"), about.pop("persons")
    return Line(payment.subject, label, household_id, persons, *_of_payment(payment), **about)


def line_of_provider(payment: Payment) -> Line:
    """A line that pays a provider for a whole list."""
    return Line(payment.subject, payment.payee_name, None, (), *_of_payment(payment))


def _of_payment(payment: Payment) -> tuple[Any, ...]:
    return (
        payment.amount_fen,
        payment.instalment,
        _payee_of(payment),
        payment.payee_name,
        payment.account_index,
        payment.account_last4,
        payment.pk,
    )


def demand_sound(sets: Iterable[list[Line]]) -> None:
    """Raises PaymentBarred with a sentence for each line that must not be paid."""
    _refuse(look_over_sets(sets), "seen")


def demand_looked_over(sets: Iterable[list[Line]], looked_over: str) -> None:
    """Raises PaymentBarred; or NotLookedOver where there is something to look at and `looked_over`, how it was done, is empty."""
    _refuse(look_over_sets(sets), looked_over.strip())


def _refuse(findings: list[Finding], looked_over: str) -> None:
    blocking = [finding for finding in findings if finding.blocks]
    if blocking:
        raise PaymentBarred(_told(blocking), findings)
    if findings and not looked_over:
        raise NotLookedOver(
            _("付款前要核对：%(what)s 都核对过，请在资金的批次页面打勾，写明怎么核对的。") % {"what": _told(findings)},
            findings,
        )


def _told(findings: list[Finding]) -> str:
    more = len(findings) - MOST_TOLD
    told = " ".join(finding.text for finding in findings[:MOST_TOLD])
    return told if more <= 0 else _("%(told)s 还有 %(n)d 处。") % {"told": told, "n": more}


@reach.beyond()
def look_over_sets(sets: Iterable[list[Line]]) -> list[Finding]:
    """The same for a batch that is too long to be held at once; all lines of one account stand in one set."""
    found = [finding for lines in sets for finding in look_over(lines)]
    return sorted(found, key=lambda finding: not finding.blocks)


@reach.beyond()
def look_over(lines: Iterable[Line]) -> list[Finding]:
    """Everything there is to say about these lines together, what blocks first. A fixed number of queries."""
    lines = list(lines)
    if not lines:
        return []
    around = _gather(lines)
    found = [
        *(finding for line in lines for finding in _of_a_line(line, around)),
        *_shared_accounts(lines, around),
        *_households(lines),
    ]
    return sorted(found, key=lambda finding: not finding.blocks)


def _gather(lines: list[Line]) -> _Around:
    year = clock.today().year
    around = _Around()
    indexes = {line.account_index for line in lines if line.account_index}
    own = {line.payment_id for line in lines if line.payment_id}
    working = Staff.objects.filter(is_active=True)
    around.staff = set(
        working.filter(person_key__in={line.payee for line in lines}).values_list("person_key", flat=True)
    )
    around.staff_accounts = set(
        BankAccount.objects.filter(
            number_index__in=indexes,
            household__members__valid_to__isnull=True,
            household__members__person__person_key__in=working.values("person_key"),
        ).values_list("number_index", flat=True)
    )
    paid = Payment.objects.filter(state__in=LIVING)
    for payment in paid.filter(account_index__in=indexes, listed_on__year=year).select_related("batch"):
        if payment.pk not in own:
            around.by_account.setdefault(payment.account_index, []).append(payment)
    for account in (
        BankAccount.objects.filter(number_index__in=indexes).exclude(shared_because="").select_related("holder")
    ):
        around.explained.add((account.number_index, account.holder.person_key or account.holder.name))
    cases = [line.case for line in lines if line.case]
    once = {limits.key_of(case) for case in cases if case.rules.once_a_year}
    if once:
        for payment in paid.filter(reservation__person_key__in=once, listed_on__year=year).select_related(
            "reservation"
        ):
            if payment.pk not in own:
                kept = payment.reservation
                what = (kept.person_key, kept.programme, kept.purpose or "")
                around.helped_before.setdefault(what, set()).add(payment.subject)
    for pk, subject, n in paid.filter(subject__in={line.subject for line in lines}).values_list(
        "pk", "subject", "instalment"
    ):
        if pk not in own:
            around.parts_paid.add((subject, n))
    capped = {limits.key_of(case) for case in cases if case.rules.person_year_cap_fen}
    around.helped = limits.helped(capped, year) if capped else {}
    return around


def _of_a_line(line: Line, around: _Around) -> Iterable[Finding]:
    for person in line.persons:
        if person.died_on:
            text = _("%(person)s 登记为 %(day)s 去世，不能付。请移出，退回村里核实。")
            yield _finding("dead", line, text % {"person": person.name, "day": person.died_on.isoformat()})
    if not line.is_signed:
        text = _("签字以后换了姓名或账户。请移出，由乡镇审批重新签字，或停发。")
        yield _finding("unsigned", line, text)
    if not line.is_declared and (line.payee in around.staff or line.account_index in around.staff_accounts):
        text = (
            _("收款账户是工作人员本人或家里的，没有按亲属回避的规矩申报。请移出，退回审批，申报后由县级决定。")
            if line.case
            else _("收款账户是工作人员本人或家里的，签字的时候没有写明。请移出，由乡镇审批重新签字，或停发。")
        )
        yield _finding("staff", line, text)
    if (line.subject, line.instalment) in around.parts_paid:
        yield _finding("twice", line, _("这一期已经付过，或者正在付。请移出，不要再付。"))
    if line.case:
        yield from _of_a_case(line, line.case, around)


def _of_a_case(line: Line, case: Case, around: _Around) -> Iterable[Finding]:
    others = around.helped_before.get((limits.key_of(case), case.programme, case.cause), set()) - {case.subject}
    if case.rules.once_a_year and others:
        text = _("同一个人、同一个原因今年已经付过一次，按规定一年一次。请移出，退回审批核实。")
        yield _finding("once", line, text)
    if case.tier != "T0":  # how much goes out in an emergency is judged with its papers
        limit = just_under(case)
        if limit.fen:
            text = _("金额 %(amount)s 元，紧贴 %(limit)s 元这道线，请看看数是怎么算的。")
            yield _finding(
                "limit", line, text % {"amount": yuan(case.amount_fen), "limit": yuan(limit.fen)}, blocks=False
            )
    cap_fen = case.rules.person_year_cap_fen
    total_fen = sum(around.helped.get(limits.key_of(case), {}).values()) if cap_fen else 0
    if total_fen * 100 > cap_fen * NEAR_CAP_PERCENT:
        text = _("%(person)s 今年各项一共批了 %(total)s 元，快到每人每年 %(cap)s 元的上限，请核对。")
        named = {"person": case.beneficiary.name, "total": yuan(total_fen), "cap": yuan(cap_fen)}
        yield _finding("cap", line, text % named, blocks=False)


def _shared_accounts(lines: list[Line], around: _Around) -> Iterable[Finding]:
    """The same number for several payees without a reason on paper; and, to be looked at, in two batches of one day."""
    here: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.account_index:
            here[line.account_index].append(line)
    today = clock.today()
    for index, those in here.items():
        before = around.by_account.get(index, [])
        payees = {line.payee: line.payee_name for line in those} | {_payee_of(one): one.payee_name for one in before}
        # The owner of an account needs no reason; whoever receives on somebody else's does.
        signed = {line.payee for line in those if line.signed_because}
        unexplained = [payee for payee in payees if payee not in signed and (index, payee) not in around.explained]
        if len(unexplained) > 1:
            names = _("、").join(sorted({payees[payee] for payee in unexplained}))
            text = _("同一个账号（尾号 %(tail)s）要付给几个人：%(names)s，没有写明谁代谁领。请移出，由村里核对账户。")
            yield from (_finding("shared", line, text % {"names": names, "tail": line.account_last4}) for line in those)
        twin = next((one for one in before if one.listed_on == today and one.provider_id is None), None)
        for line in those:
            if twin and twin.subject != line.subject:
                text = _("同一个账号今天也列在批次 %(no)s 里，请核对是不是列重了。")
                yield _finding("same_day", line, text % {"no": twin.batch.number}, blocks=False)


def _households(lines: list[Line]) -> Iterable[Finding]:
    homes: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if line.household_id:
            homes[line.household_id].append(line)
    for those in homes.values():
        if len(those) > 1:
            text = _("这一批里这家有 %(n)d 笔（%(numbers)s），请核对是不是列重了。")
            numbers = _("、").join(line.case.case_no if line.case else line.label for line in those)
            yield _finding("household", those[0], text % {"n": len(those), "numbers": numbers}, blocks=False)


def _finding(code: str, line: Line, text: str, *, blocks: bool = True) -> Finding:
    return Finding(code, line.subject, f"{line.label}：{text}", blocks)


def _payee_of(payment: Payment) -> str:
    return _provider(payment.payee_name) if payment.provider_id else payment.payee_person_key or payment.payee_name


def _provider(name: str) -> str:
    return f"provider:{name}"
