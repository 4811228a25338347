"""Which desk somebody sits at, and what lies on it. Each desk fills in its own lines of DESKS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from access import break_glass
from access.models import OrgUnit, Staff
from access.roles import ROLES, Ability, Desk, title_of
from access.scope import can, posts_of
from casework import second_person
from casework.auditing import questions
from casework.desks.admin import second
from casework.desks.funds import menu as money
from casework.desks.relatives import menu as relatives
from casework.desks.retention import menu as retention
from casework.desks.rosters import menu as lists
from casework.desks.stock import menu as goods
from casework.desks.township import menu as offices
from casework.desks.village.work import count_work
from casework.inspection import services as packs
from families.importing.register_import import may_import


@dataclass(frozen=True)
class Entry:
    """A page in the menu. `count` says how many things wait there; `ability` hides it from those without, `shown_to` from
    those for whom it says no; `more` puts it behind 更多 on a bar that would grow too long."""

    url_name: str
    label: Any
    icon: str
    count: Callable[[Staff], int] | None = None
    ability: Ability | None = None
    shown_to: Callable[[Staff], Any] | None = None
    more: bool = False


@dataclass(frozen=True)
class DeskMenu:
    """The first entry is the desk's home. `search` is the page that answers ?q=."""

    title: Any
    entries: tuple[Entry, ...] = ()
    search: str = ""


# Shown while somebody waits for her answer, or, at the fund desk, while an answer waits to be put right.
COUNTERSIGNS = Entry(
    "countersigns:home",
    pgettext_lazy("menu", "会签"),
    "people",
    count=second_person.count,
    shown_to=second_person.count,
)

# Shown while something is said to be approved by her and she has not confirmed it.
APPROVALS = Entry(
    "approvals:home",
    pgettext_lazy("menu", "等我批准"),
    "stamp",
    count=second_person.to_approve,
    shown_to=second_person.to_approve,
)

# At the desks where few are asked: shown while a question waits.
ASKED = Entry(
    "questions:home",
    pgettext_lazy("menu", "问答"),
    "chat",
    count=questions.waiting_for,
    shown_to=questions.waiting_for,
)

DESKS: dict[Desk, DeskMenu] = {
    Desk.VILLAGE: DeskMenu(
        _("村里"),
        (
            Entry("village:home", _("首页"), "house"),
            Entry("village:todo", _("待办"), "tick-list", count=count_work),
            Entry("village:find", _("登记"), "pen"),
            Entry("rosters:home", _("名册"), "list"),
            ASKED,
            APPROVALS,
            Entry("preferences", _("我的"), "person"),
        ),
        search="village:find",
    ),
    Desk.TOWNSHIP: DeskMenu(
        _("乡镇"),
        (
            Entry("township:queue", _("审核"), "stamp", count=offices.waiting_at(Desk.TOWNSHIP)),
            COUNTERSIGNS,
            APPROVALS,
            Entry("township:objections", pgettext_lazy("menu", "异议"), "chat", count=offices.objections),
            Entry("township:parts", _("分期"), "coin", count=offices.parts),
            Entry("township:overdue", _("超期"), "clock", count=offices.overdue),
            Entry("township:releases", pgettext_lazy("menu", "先行救助"), "bell"),
            Entry("funds:imprest", pgettext_lazy("menu", "备用金"), "coin", ability=Ability.FUND_VIEW, more=True),
            Entry("rosters:home", _("名册"), "list", count=lists.waiting, more=True),
            Entry("township:recusals", _("回避"), "people", more=True),
            Entry("relatives:home", _("近亲属备案"), "family", count=relatives.to_look_into, more=True),
            Entry("emergency:home", _("紧急查看"), "eye", more=True),
            Entry("stock:home", _("实物"), "box", count=goods.count_waiting, ability=Ability.STOCK_VIEW, more=True),
            Entry("township:find", _("查找"), "search"),
            Entry("questions:home", _("审计问答"), "chat", count=questions.waiting_for, more=True),
            Entry("imports:home", _("导入"), "upload", ability=Ability.IMPORT, more=True),
        ),
        search="township:find",
    ),
    Desk.COUNTY: DeskMenu(
        _("县级"),
        (
            Entry("county:queue", _("审核"), "stamp", count=offices.waiting_at(Desk.COUNTY)),
            COUNTERSIGNS,
            APPROVALS,
            Entry("county:appeals", pgettext_lazy("menu", "申诉"), "scale", count=offices.appeals),
            Entry("county:overdue", _("超期"), "clock", count=offices.overdue),
            Entry("county:filed", _("备案"), "book"),
            Entry("county:releases", pgettext_lazy("menu", "先行救助"), "bell"),
            Entry("rosters:home", _("名册"), "list"),
            Entry("county:recusals", _("回避"), "people", more=True),
            Entry("relatives:home", _("近亲属备案"), "family", count=relatives.to_look_into, more=True),
            Entry("emergency:home", _("紧急查看"), "eye", more=True),
            Entry("stock:home", _("实物"), "box", count=goods.count_waiting, ability=Ability.STOCK_VIEW, more=True),
            Entry("packs:home", _("迎检包"), "download", shown_to=packs.may_make, more=True),
            Entry("county:find", _("查找"), "search"),
            Entry("questions:home", _("审计问答"), "chat", count=questions.waiting_for, more=True),
            Entry("retention:home", _("档案到期"), "calendar", count=retention.waiting, more=True),
            Entry("imports:home", _("导入"), "upload", ability=Ability.IMPORT, more=True),
        ),
        search="county:find",
    ),
    Desk.FUNDS: DeskMenu(
        _("资金"),
        (
            Entry("funds:home", _("资金"), "coin"),
            COUNTERSIGNS,
            APPROVALS,
            Entry("funds:budget", pgettext_lazy("menu", "预算"), "tick-list"),
            Entry("funds:waiting", _("付款"), "send", count=money.count_waiting),
            Entry("funds:batches", _("批次"), "list", count=money.my_turn),
            Entry("funds:bank", pgettext_lazy("menu", "对账"), "scale", count=money.count_bank_tasks),
            Entry("funds:proposals", pgettext_lazy("menu", "核准"), "stamp", count=money.count_proposals),
            Entry("funds:payments", _("台账"), "book"),
            Entry("funds:receipts", pgettext_lazy("menu", "收入"), "download", more=True),
            Entry("rosters:home", _("名册"), "people", count=lists.waiting, more=True),
            Entry("funds:providers", _("收款单位"), "house", more=True),
            Entry("funds:recoveries", pgettext_lazy("menu", "追回"), "undo", count=money.count_recoveries, more=True),
            Entry("funds:imprest", pgettext_lazy("menu", "备用金"), "people", more=True),
            Entry("funds:periods", _("结账"), "calendar", more=True),
            Entry("funds:flow", pgettext_lazy("menu", "图"), "chart", more=True),
            Entry("questions:home", _("审计问答"), "chat", count=questions.waiting_for, more=True),
            Entry("stock:home", _("实物"), "box", count=goods.count_waiting, ability=Ability.STOCK_VIEW, more=True),
        ),
        search="funds:payments",
    ),
    Desk.STOCK: DeskMenu(
        _("库房"),
        (
            Entry("stock:home", _("实物"), "box", count=goods.count_waiting),
            COUNTERSIGNS,
            APPROVALS,
            Entry("stock:slips", pgettext_lazy("menu", "单据"), "list"),
            Entry("stock:report", pgettext_lazy("menu", "收发报表"), "chart"),
            Entry("preferences", _("我的"), "person"),
        ),
        search="stock:slips",
    ),
    Desk.AUDIT: DeskMenu(
        _("审计"),
        (
            Entry("audit:search", _("追查"), "search"),
            Entry("audit:rules", pgettext_lazy("menu", "规则"), "flag"),
            Entry("questions:home", pgettext_lazy("menu", "问答"), "chat", count=questions.waiting_for),
            APPROVALS,
            Entry("audit:samples", pgettext_lazy("menu", "抽样"), "list", more=True),
            Entry("relatives:home", _("近亲属备案"), "family", more=True),
            Entry("packs:home", _("迎检包"), "box", more=True),
            Entry("audit:reads", _("访问记录"), "eye"),
            Entry("audit:checkpoints", _("封存点"), "shield"),
            Entry("emergency:home", _("紧急查看"), "bell", count=break_glass.count_to_review),
            Entry("funds:home", _("资金"), "coin"),
            Entry("funds:batches", _("批次"), "list", more=True),
            Entry("funds:payments", _("台账"), "book", more=True),
            Entry("rosters:home", _("名册"), "people", more=True),
            Entry("funds:imprest", pgettext_lazy("menu", "备用金"), "coin", more=True),
            Entry("stock:home", _("实物"), "box", more=True),
            Entry("funds:periods", _("结账"), "calendar", more=True),
            Entry("retention:home", _("档案到期"), "calendar", more=True),
        ),
        search="audit:search",
    ),
    Desk.ADMIN: DeskMenu(
        _("系统管理"),
        (
            Entry("administration:home", _("概况"), "house"),
            Entry("administration:staff_list", pgettext_lazy("menu", "账号"), "people"),
            Entry("administration:waiting", pgettext_lazy("menu", "待确认"), "tick-list", count=second.count_waiting),
            APPROVALS,
            Entry("administration:units", pgettext_lazy("menu", "单位"), "map"),
            Entry("administration:programmes", _("办理规则"), "book"),
            Entry("administration:grants", _("授权"), "key"),
            Entry("imports:home", _("导入"), "upload", shown_to=may_import),
            Entry("administration:health", _("运行"), "gear"),
        ),
        search="administration:staff_list",
    ),
    Desk.OTHER: DeskMenu(_("首页")),
}
EVERYBODY = (
    Entry("home", _("首页"), "house"),
    COUNTERSIGNS,
    APPROVALS,
    Entry("help", _("帮助"), "help"),
    Entry("preferences", _("我的"), "person"),
)


@dataclass(frozen=True)
class Item:
    url: str
    label: Any
    icon: str
    count: int
    current: bool
    more: bool = False


@dataclass(frozen=True)
class Seat:
    """The post somebody is shown with: 云坞村, 村级专干."""

    place: str
    title: str


def desks_of(user: Any) -> list[Desk]:
    """The desks of all her posts, in the order of the administration."""
    held = {ROLES[post.role].desk for post in posts_of(user)}
    return [desk for desk in DESKS if desk in held]


def desk_of(user: Any, path: str = "") -> Desk:
    """The desk whose pages she is on; otherwise her first."""
    desks = desks_of(user)
    here = [desk for desk in desks if DESKS[desk].entries and path.startswith(home_of(desk))]
    return next(iter(here or desks), Desk.OTHER)


def home_of(desk: Desk) -> str:
    """The first page of a desk."""
    entries = DESKS[desk].entries
    return reverse(entries[0].url_name) if entries else reverse("home")


def menu_for(user: Any, path: str = "") -> list[Item]:
    """The pages of the desk that `path` belongs to, with what waits on each."""
    entries = [
        entry
        for entry in DESKS[desk_of(user, path)].entries or EVERYBODY
        if (entry.ability is None or can(user, entry.ability)) and (entry.shown_to is None or entry.shown_to(user))
    ]
    urls = [reverse(entry.url_name) for entry in entries]
    here = max((url for url in urls if path.startswith(url)), key=len, default="")
    return [
        Item(url, entry.label, entry.icon, entry.count(user) if entry.count else 0, url == here, entry.more)
        for entry, url in zip(entries, urls, strict=True)
    ]


def search_url(user: Any, path: str = "") -> str:
    page = DESKS[desk_of(user, path)].search
    return reverse(page) if page else ""


def seat_of(user: Any, path: str = "") -> Seat | None:
    """The first of her posts at the desk she is on."""
    desk = desk_of(user, path)
    for post in posts_of(user):
        if ROLES[post.role].desk == desk:
            return Seat(OrgUnit.objects.values_list("name", flat=True).get(pk=post.unit_id), title_of(post.role))
    return None
