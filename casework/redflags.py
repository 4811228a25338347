"""What a computer can see that a reader may miss, for any number of cases at once. Warnings: a person judges them.

    weigh([case, ...], user=approver)    {case id: [Check, ...]}

A Check is a sentence either way: what is to be verified, or what was looked at and found in order. Families out of the
reader's reach are counted, never named.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from access import reach
from access.models import Recusal
from audit import clock
from casework.days import day_short
from casework.models import Case, CaseDocument, CaseDuty, Deliberation, PublicNotice, RelativeFlag
from casework.parts import GOING_ON
from casework.queries import households_in_reach
from families import catalogue
from families.models import BankAccount, HelpReceived
from flows import calendar
from flows.errors import CalendarMissing
from funds.money import yuan

NEAR_LIMIT_PERCENT = 95  # an amount from here up to a limit is "at the limit"
HELPED = (
    *("fund_reserved", "in_payment", "payment_returned", *GOING_ON),
    *("paid", "follow_up", "exit_review", "exit_notice"),
)
# In the order of the way: the papers that must be there before these acts must be there when somebody decides.
BEFORE_DECIDING = ("register", "submit", "submit_makeup", "resubmit", "check", "approve", "approve_plan")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `case_id` or `anchor` say where to look for oneself."""

    code: str
    is_ok: bool
    title: str
    text: str = ""
    case_id: int | None = None
    anchor: str = ""


@dataclass
class _Material:
    """Everything the checks need, read in one query a kind for all cases."""

    today: datetime.date
    near: set[int]  # households that the reader may see
    accounts: dict[str, list[BankAccount]] = field(default_factory=dict)
    by_person: dict[int, list[Case]] = field(default_factory=dict)
    by_household: dict[int, list[Case]] = field(default_factory=dict)
    notices: dict[int, PublicNotice] = field(default_factory=dict)
    sessions: dict[int, Deliberation] = field(default_factory=dict)
    papers: dict[int, set[str]] = field(default_factory=dict)
    recused: dict[str, set[str]] = field(default_factory=dict)
    flags: dict[int, list[RelativeFlag]] = field(default_factory=dict)
    acted: dict[int, set[str]] = field(default_factory=dict)
    help_before: dict[int, list[HelpReceived]] = field(default_factory=dict)


@reach.beyond()
def weigh(cases: Iterable[Case], *, user: Any) -> dict[int, list[Check]]:
    """The checks of each case, what must be verified first. A fixed number of queries, however many cases.

    The cases should come with `survey`, `payee_account` and `beneficiary` selected.
    """
    cases = list(cases)
    material = _gather(cases, user)
    return {case.pk: sorted(_checks_of(case, material), key=lambda check: check.is_ok) for case in cases}


def warnings(checks: Iterable[Check]) -> list[Check]:
    """Those that somebody has to verify."""
    return [check for check in checks if not check.is_ok]


def _gather(cases: list[Case], user: Any) -> _Material:
    today = clock.today()
    households = {case.household_id for case in cases}
    material = _Material(today, near=set(households))
    ids = [case.pk for case in cases]
    indexes = {case.payee_account.number_index for case in cases if case.payee_account}
    accounts = BankAccount.objects.filter(number_index__in=indexes, is_active=True).select_related(
        "household__village", "household__group", "holder"
    )
    material.accounts = _grouped(accounts, "number_index")
    others = {account.household_id for found in material.accounts.values() for account in found} - households
    if others:
        material.near |= set(households_in_reach(user).filter(pk__in=others).values_list("pk", flat=True))
    related = Case.objects.filter(household_id__in=households).select_related("beneficiary")
    material.by_household = _grouped(related, "household_id")
    elsewhere = Case.objects.filter(beneficiary_id__in={c.beneficiary_id for c in cases}, is_open=True)
    material.by_person = _grouped(elsewhere, "beneficiary_id")
    for notice in PublicNotice.objects.filter(case_id__in=ids, kind=PublicNotice.Kind.VILLAGE).order_by("round"):
        material.notices[notice.case_id] = notice
    for session in Deliberation.objects.filter(case_id__in=ids).order_by("round"):
        material.sessions[session.case_id] = session
    for case_id, kind in CaseDocument.objects.filter(case_id__in=ids).values_list("case_id", "kind"):
        material.papers.setdefault(case_id, set()).add(kind)
    numbers = {case.household_no for case in cases}
    open_recusals = Recusal.objects.filter(household_no__in=numbers, ended_on__isnull=True)
    for number, key in open_recusals.values_list("household_no", "person_key"):
        material.recused.setdefault(number, set()).add(key)
    standing = RelativeFlag.objects.filter(case_id__in=ids, ended_on__isnull=True).order_by("id")
    material.flags = _grouped(standing, "case_id")
    for case_id, key in CaseDuty.objects.filter(case_id__in=ids).values_list("case_id", "person_key"):
        material.acted.setdefault(case_id, set()).add(key)
    earlier = HelpReceived.objects.filter(household_id__in=households, last_on__year=today.year)
    material.help_before = _grouped(earlier.order_by(F("last_on").desc()), "household_id")
    return material


def _grouped(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


def _checks_of(case: Case, material: _Material) -> list[Check]:
    checks = [_person(case, material), _papers(case, material), _survey(case, material), _relatives(case, material)]
    if case.spec.has_money:
        checks += [_account(case, material), _amount(case), _same_cause(case, material)]
    if "village_notice" in case.spec.states:
        checks.append(_notice(case, material))
    return [check for check in checks if check is not None]


def _person(case: Case, material: _Material) -> Check:
    """The same person has another open case, or is no longer alive."""
    if case.beneficiary.died_on:
        return Check(
            "person",
            False,
            _("受益人已经去世"),
            _("登记的去世日期是 %(day)s。") % {"day": day_short(case.beneficiary.died_on)},
        )
    others = [other for other in material.by_person.get(case.beneficiary_id, ()) if other.pk != case.pk]
    if others:
        other = others[0]
        return Check(
            "person",
            False,
            _("这个人另有没办完的帮扶"),
            _("%(programme)s，编号 %(no)s，%(day)s 开案。看看是不是同一件事。")
            % {"programme": other.spec.title, "no": other.case_no, "day": day_short(other.opened_on)},
            case_id=other.pk,
        )
    return Check("person", True, _("这个人没有别的在办帮扶"))


def _account(case: Case, material: _Material) -> Check | None:
    """The payee's account is not the family's any more, or is in use by another household, too."""
    if case.payee_account is None:
        return None
    in_use = material.accounts.get(case.payee_account.number_index, ())
    if not any(account.household_id == case.household_id for account in in_use):
        return Check(
            "account",
            False,
            _("这家换了收款账户"),
            _("申请里写的尾号 %(tail)s 已经停用，退回村里按新账户上报。") % {"tail": case.payee_account.number_last4},
            anchor="family",
        )
    others = [account for account in in_use if account.household_id != case.household_id]
    if not others:
        return Check("account", True, _("收款账户只有这一家在用"))
    homes = {account.household_id: account.household for account in others}
    named = [
        _("%(village)s%(group)s%(head)s家")
        % {"village": home.village.name, "group": home.group.name, "head": home.head_name}
        for key, home in homes.items()
        if key in material.near
    ]
    hidden = len(homes) - len(named)
    if hidden:
        named.append(ngettext("别的地方 %(n)d 家", "别的地方 %(n)d 家", hidden) % {"n": hidden})
    why = case.payee_account.shared_because
    return Check(
        "account",
        False,
        ngettext("收款账户有 %(n)d 家在用", "收款账户有 %(n)d 家在用", len(homes) + 1) % {"n": len(homes) + 1},
        _("尾号 %(tail)s，也登记在%(homes)s。")
        % {"tail": case.payee_account.number_last4, "homes": _("、").join(named)}
        + (_("登记时写的：「%(why)s」") % {"why": why} if why else _("同意前请写明谁代谁领。")),
        anchor="family",
    )


@dataclass(frozen=True)
class Line:
    """A limit that an amount keeps just within, and what it would mean to pass it."""

    fen: int
    beyond: Any


NO_LINE = Line(0, "")


def just_under(case: Case) -> Line:
    """The limit just above the amount of a case; NO_LINE when there is none. There splitting and steering show."""
    rules = case.rules
    if case.amount_fen == rules.unit_amount_fen:
        return NO_LINE
    lines = [
        Line(rules.cap_fen, _l("这是这一项的最高数，再多就不能批")),
        Line(rules.t1_limit_fen, _l("再多一点就要多一级审批")),
        Line(rules.t2_limit_fen, _l("再多一点就要多一级审批")),
    ]
    if case.tier == "T0":
        lines.insert(0, Line(rules.emergency_cap_fen, _l("这是先行救助的最高数，再多就要等手续办完才能付")))
    near = [line for line in lines if line.fen * NEAR_LIMIT_PERCENT // 100 <= case.amount_fen <= line.fen and line.fen]
    return min(near, key=lambda line: line.fen, default=NO_LINE)


def _amount(case: Case) -> Check | None:
    """The amount lies just below a limit."""
    if not case.amount_fen:
        return None
    limit = just_under(case)
    if limit.fen:
        return Check(
            "amount",
            False,
            _("金额紧贴一道线"),
            _("%(amount)s 元，刚好不超过 %(limit)s 元。%(beyond)s，看看数是怎么算的。")
            % {"amount": yuan(case.amount_fen), "limit": yuan(limit.fen), "beyond": limit.beyond},
            anchor="family",
        )
    return Check("amount", True, _("金额没有超上限 %(cap)s 元") % {"cap": yuan(case.rules.cap_fen)})


def _notice(case: Case, material: _Material) -> Check:
    """The notice is missing, still runs, or was objected to."""
    notice = material.notices.get(case.pk)
    if notice is None:
        return Check("notice", False, _("没有公示记录"), _("这一项要先在村里公示。"), anchor="village")
    if notice.ended_on is None or notice.ended_on <= notice.ends_on and notice.outcome == "clear":
        text = _("公示到 %(day)s 24 点，不能提前结束。") % {"day": day_short(notice.ends_on)}
        return Check("notice", False, _("公示期没有满"), text, anchor="village")
    if notice.outcome != "clear":
        return Check("notice", False, _("公示有异议"), _("异议的答复在下面，请看过再定。"), anchor="village")
    days = (notice.ends_on - notice.starts_on).days
    return Check("notice", True, _("公示满 %(n)d 天，没有异议") % {"n": days})


def _papers(case: Case, material: _Material) -> Check:
    """Papers that the rules ask for and that nobody has handed in."""
    documents = case.rules.documents
    wanted = list(dict.fromkeys(kind for action in BEFORE_DECIDING for kind in documents.get(action, ())))
    missing = [kind for kind in wanted if kind not in material.papers.get(case.pk, set())]
    if missing:
        names = _("、").join(catalogue.title(catalogue.DOCUMENTS, kind) for kind in missing)
        return Check("papers", False, _("材料不全"), _("还缺：%(papers)s。") % {"papers": names}, anchor="papers")
    return Check("papers", True, _("规定要交的材料都有"))


def _survey(case: Case, material: _Material) -> Check:
    """No survey, or one that has used up more than half of its time."""
    survey = case.survey
    if survey is None:
        return Check("survey", False, _("没有入户调查"), _("先退回去入户调查。"), anchor="family")
    days = (material.today - survey.surveyed_on).days
    if days * 2 > _valid_days(case):
        return Check(
            "survey",
            False,
            _("调查有些日子了"),
            ngettext("入户调查是 %(n)d 天前做的，情况可能变了。", "入户调查是 %(n)d 天前做的，情况可能变了。", days)
            % {"n": days},
            anchor="family",
        )
    if not days:
        return Check("survey", True, _("入户调查是今天做的"))
    return Check("survey", True, ngettext("入户调查是 %(n)d 天内做的", "入户调查是 %(n)d 天内做的", days) % {"n": days})


def _valid_days(case: Case) -> int:
    """How many calendar days a survey holds under the case's rules; their bare number while a year is not loaded."""
    try:
        return (calendar.add(case.survey.surveyed_on, case.rules.survey_valid) - case.survey.surveyed_on).days
    except CalendarMissing:
        return case.rules.survey_valid.days


def _relatives(case: Case, material: _Material) -> Check:
    """Whoever surveyed, voted or signed is a relative; or the family is a cadre's."""
    survey = case.survey
    recused = material.recused.get(case.household_no, set())
    flags = material.flags.get(case.pk, [])
    surveyors = {survey.surveyor_person_key, survey.second_person_key} if survey else set()
    if recused & (surveyors | material.acted.get(case.pk, set())):
        return Check(
            "relatives",
            False,
            _("经手的人里有近亲属"),
            _("这家登记过回避，经手人里有要回避的人。请退回，换人重办。"),
            anchor="village",
        )
    if flags:
        names = _("、").join(flag.person_name for flag in flags if flag.person_name)
        return Check(
            "relatives",
            False,
            _("是工作人员的近亲属"),
            _("单独登记：和%(who)s有亲属关系。这一位不经手，审批往上走，县里入户看过才批。") % {"who": names},
            anchor="village",
        )
    if survey and survey.is_cadre_relative:
        text = _("调查表写明是%(who)s的亲属，要多一级审批。") % {"who": survey.cadre_relative_of or _("干部")}
        return Check("relatives", False, _("是干部亲属"), text, anchor="family")
    session = material.sessions.get(case.pk)
    if session and session.recused:
        left = len(session.recused)
        text = ngettext("经手人不是近亲属，评议时 %(n)d 人回避", "经手人不是近亲属，评议时 %(n)d 人回避", left) % {
            "n": left
        }
        return Check("relatives", True, text)
    return Check("relatives", True, _("调查人、经手人不是近亲属"))


def _same_cause(case: Case, material: _Material) -> Check:
    """Help for the same cause in the same year."""
    year = material.today.year
    for other in material.by_household.get(case.household_id, ()):
        is_helped = other.state in HELPED or (other.state == "closed" and other.amount_fen)
        if other.pk != case.pk and other.opened_on.year == year and is_helped and other.cause == case.cause:
            return Check(
                "same_cause",
                False,
                _("同一原因今年领过"),
                _("%(programme)s %(amount)s 元，编号 %(no)s。同一原因一年一般只帮一次。")
                % {"programme": other.spec.title, "amount": yuan(other.amount_fen), "no": other.case_no},
                case_id=other.pk,
            )
    for before in material.help_before.get(case.household_id, ()):
        text = _("%(source)s，%(amount)s 元，%(day)s。看看是不是同一原因。") % {
            "source": before.source_title,
            "amount": yuan(before.amount_fen),
            "day": day_short(before.last_on),
        }
        return Check("same_cause", False, _("今年在别处领过帮扶"), text, anchor="earlier")
    return Check("same_cause", True, _("同一原因今年没有领过"))
