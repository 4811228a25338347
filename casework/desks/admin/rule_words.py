"""Every parameter of a programme version: its name, what it decides, and how a value is said."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from families import catalogue
from flows.kin import RELATIONS, KinParameters, Register
from flows.lists import Kind, ListParameters
from flows.parameters import Parameters, PaymentPlan, Period
from flows.programmes import PROGRAMMES
from flows.spec import Spec
from flows.states import ACTIONS, STATES
from funds.models import Provider
from funds.money import yuan

Ruled = Spec | Kind | Register
Rules = Parameters | ListParameters | KinParameters

# {name: (title, what it decides)}, in the order of the form
WORDS = {
    "t1_limit_fen": (gettext_lazy("小额线"), gettext_lazy("到这个数为止，乡里批准就行，县里备案。")),
    "t2_limit_fen": (gettext_lazy("一般线"), gettext_lazy("到这个数为止，乡里签、县里确认；再多要会签。")),
    "cap_fen": (gettext_lazy("单件上限"), gettext_lazy("一件最多帮这么多。")),
    "emergency_cap_fen": (gettext_lazy("先行救助上限"), gettext_lazy("情况紧急先付钱，最多这么多。0 表示不许。")),
    "unit_amount_fen": (gettext_lazy("固定金额"), gettext_lazy("每件都是这个数。0 表示按情况定。")),
    "large_share_percent": (
        gettext_lazy("占可用资金的百分之几算大额"),
        gettext_lazy("一件超过可用资金的这个比例，不管多少都要会签。"),
    ),
    "minimum_age": (gettext_lazy("最低年龄"), gettext_lazy("受益人满这个岁数才能办。0 表示不限。")),
    "measure_target": (gettext_lazy("措施目标"), gettext_lazy("每家力争有几条帮扶措施。只提醒，不拦。")),
    "quorum_present": (gettext_lazy("评议至少到几人"), gettext_lazy("人不够，评议不算数。")),
    "quorum_percent": (gettext_lazy("评议到会比例"), gettext_lazy("占应到人数的百分之几。")),
    "majority_percent": (gettext_lazy("同意比例"), gettext_lazy("同意票要超过赞成与反对票的百分之几。")),
    "notice": (gettext_lazy("公示多久"), gettext_lazy("村里公示，期间不能提前结束。")),
    "exit_notice": (gettext_lazy("退出公示多久"), gettext_lazy("结案前公示。")),
    "makeup": (gettext_lazy("补办期限"), gettext_lazy("先付钱以后，多久内补齐手续。")),
    "appeal_within": (gettext_lazy("申诉期限"), gettext_lazy("不批以后多久内可以申诉。")),
    "survey_valid": (gettext_lazy("调查有效期"), gettext_lazy("过了要重新入户。")),
    "account_wait": (gettext_lazy("改账户后等多久"), gettext_lazy("账户刚改过，过了这些天才能重发。")),
    "deadline_otherwise": (gettext_lazy("别的步骤期限"), gettext_lazy("没有单独写期限的步骤，都用这个。")),
    "person_year_cap_fen": (
        gettext_lazy("每人每年上限"),
        gettext_lazy("各项帮扶加起来，一个人一年最多这么多。0 表示不限。"),
    ),
    "once_a_year": (gettext_lazy("一年一次"), gettext_lazy("同一个人、同一个原因，一年只批一次。")),
    "not_together_with": (gettext_lazy("不能同时享受"), gettext_lazy("这一年已经批了勾上的帮扶，就不能再办这一项。")),
    "pays_to": (gettext_lazy("可以付给谁"), gettext_lazy("勾了单位的，登记时可以选县里核对过账户的单位。")),
    "service_hours_a_day": (
        gettext_lazy("一天最多几小时服务"),
        gettext_lazy("记服务时，一家一天超过这么多就记不进去。"),
    ),
    "relatives_go": (
        gettext_lazy("近亲属的个案"),
        gettext_lazy("工作人员、村干部的近亲属申请，审批往上走几级。"),
    ),
    "relatives_visited": (
        gettext_lazy("近亲属的个案县里要入户"),
        gettext_lazy("县里的人去这家看过、写下来，才能批钱。"),
    ),
    "follow_up_days": (gettext_lazy("回访"), gettext_lazy("到账后第几天回访，用逗号隔开，例如 7, 30, 90。")),
}
# The same for a kind of list
LIST_WORDS = {
    "cap_fen": (gettext_lazy("每人上限"), gettext_lazy("一份名册上，一个人最多这么多。")),
    "person_year_cap_fen": WORDS["person_year_cap_fen"],
    "notice": (gettext_lazy("张榜多久"), gettext_lazy("张榜期满，第二天起才能批准。0 天表示批准以后再公布。")),
    "account_wait": WORDS["account_wait"],
    "allows_cash": (gettext_lazy("可以发现金"), gettext_lazy("每份名册都要写明原因，两个人一起送。")),
}
# The same for the register of close relatives
KIN_WORDS = {
    "relations": (gettext_lazy("哪些亲属要备案"), gettext_lazy("各地范围不同，照本地的文件勾。以前报的不受影响。")),
}
GOES = [("up", gettext_lazy("升一级")), ("top", gettext_lazy("升到最高一级，县里两个人签"))]
# {name of PaymentPlan: (title, what it decides)}
PLAN_WORDS = {
    "parts": (gettext_lazy("分几期付"), gettext_lazy("1 表示一次付清，最多 36 期。")),
    "percents": (
        gettext_lazy("每期百分之几"),
        gettext_lazy("用逗号隔开，加起来是 100，例如 30, 40, 30。空着就平均分。"),
    ),
    "labels": (
        gettext_lazy("每期叫什么"),
        gettext_lazy("用逗号隔开，例如：开工，主体完工，竣工验收。空着就叫第 1 期、第 2 期。"),
    ),
    "every_months": (
        gettext_lazy("每期隔几个月"),
        gettext_lazy("0 表示不按月，按进度核查了就付。按月发写 1，按学期写 6。"),
    ),
    "needs_check": (gettext_lazy("第二期起要先核查"), gettext_lazy("乡里去看过、写下看到什么，才能付下一期。")),
    "first_needs_check": (gettext_lazy("第一期也要先核查"), gettext_lazy("例如开工了才付第一笔。")),
}
PAYEES = [("family", gettext_lazy("家庭账户")), *Provider.Kind.choices]
MONEY = ("t1_limit_fen", "t2_limit_fen", "cap_fen", "emergency_cap_fen", "unit_amount_fen", "person_year_cap_fen")
SWITCHES = ("once_a_year", "relatives_visited", "allows_cash")
SEVERAL = ("not_together_with", "pays_to", "relations")
ONE_OF = {"relatives_go": GOES}
PERCENT = ("large_share_percent", "quorum_percent", "majority_percent")
COUNTS = ("minimum_age", "measure_target", "quorum_present", "service_hours_a_day")
PERIODS = ("notice", "exit_notice", "makeup", "appeal_within", "survey_valid", "account_wait", "deadline_otherwise")


def say_period(period: Period | None) -> str:
    if period is None:
        return ""
    if period.unit == "working":
        return ngettext("%(n)d 个工作日", "%(n)d 个工作日", period.days) % {"n": period.days}
    return ngettext("%(n)d 天", "%(n)d 天", period.days) % {"n": period.days}


def say_yes(value: bool) -> str:
    return _("是") if value else _("不是")


def words_of(spec: Ruled) -> dict[str, tuple[Any, Any]]:
    """The plain parameters of a programme, of a kind of list or of a register."""
    if isinstance(spec, Register):
        return KIN_WORDS
    return LIST_WORDS if isinstance(spec, Kind) else WORDS


def choices_of(name: str, spec: Ruled) -> list[tuple[str, Any]]:
    """What may be ticked: close relatives, whom money goes to, or the other programmes that move money."""
    if name == "relations":
        return list(RELATIONS.items())
    if name == "pays_to":
        return PAYEES
    return [(code, other.title) for code, other in PROGRAMMES.items() if code != spec.code and other.has_money]


def said_plan(plan: PaymentPlan) -> list[tuple[str, str, str]]:
    """(key, title, value in words) of how help is paid in parts; one line when it is paid at once."""
    if plan == PaymentPlan():
        return [("payments:parts", str(PLAN_WORDS["parts"][0]), _("一次付清"))]
    values = {
        "parts": ngettext("%(n)d 期", "%(n)d 期", plan.parts) % {"n": plan.parts},
        "percents": _("、").join(f"{percent}%" for percent in plan.percents) or _("平均分"),
        "labels": _("、").join(plan.labels) or _("没有写"),
        "every_months": ngettext("%(n)d 个月", "%(n)d 个月", plan.every_months) % {"n": plan.every_months}
        if plan.every_months
        else _("按进度"),
        "needs_check": say_yes(plan.needs_check),
        "first_needs_check": say_yes(plan.first_needs_check),
    }
    return [(f"payments:{name}", str(PLAN_WORDS[name][0]), text) for name, text in values.items()]


def said(rules: Rules, spec: Ruled) -> list[tuple[str, str, str]]:
    """(key, title, value in words) of every rule; the basis of the page and of the comparison."""
    rows = []
    for name, (title, _about) in words_of(spec).items():
        value = getattr(rules, name)
        if name in MONEY:
            text = _("%(amount)s 元") % {"amount": yuan(value)}
        elif name in PERIODS:
            text = say_period(value)
        elif name in PERCENT:
            text = f"{value}%"
        elif name in SWITCHES:
            text = say_yes(value)
        elif name in SEVERAL:
            text = _("、").join(str(dict(choices_of(name, spec)).get(code, code)) for code in value) or _("没有")
        elif name in ONE_OF:
            text = str(dict(ONE_OF[name])[value])
        elif name == "follow_up_days":
            text = _("第 %(days)s 天") % {"days": _("、").join(map(str, value))} if value else _("没有")
        else:
            text = str(value)
        rows.append((name, str(title), text))
    if not isinstance(spec, Spec):
        return rows
    rows += said_plan(rules.payments)
    for state in spec.states:
        if state in rules.deadlines:
            title = _("期限：%(step)s") % {"step": STATES[state].title}
            rows.append((f"deadline:{state}", title, say_period(rules.deadlines[state])))
    for action, kinds in rules.documents.items():
        title = _("「%(step)s」以前要交的材料") % {"step": ACTIONS[action].verb}
        names = _("、").join(catalogue.title(catalogue.DOCUMENTS, kind) for kind in kinds)
        rows.append((f"documents:{action}", title, names or _("没有")))
    return rows


def differences(before: Rules | None, after: Rules, spec: Ruled) -> list[dict[str, Any]]:
    """What a version changes, for parts/_diff_table.html."""
    old = {key: (title, text) for key, title, text in said(before, spec)} if before else {}
    new = {key: (title, text) for key, title, text in said(after, spec)}
    rows = []
    for key in {**old, **new}:
        was, now = old.get(key, ("", None))[1], new.get(key, ("", None))[1]
        if was != now:
            rows.append({"label": (new.get(key) or old[key])[0], "before": was, "after": now})
    return rows
