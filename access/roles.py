"""The roles of the field, what each may do, and where. Pure data.

Codes and titles are those of the domain; abilities are what scope() is asked for. An act on a case needs, besides the
ability to see it, the very role that the programme's spec names for the act.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Level(StrEnum):
    PROVINCE = "province"
    PREFECTURE = "prefecture"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    GROUP = "group"


class Ability(StrEnum):
    LEAD_CREATE = "lead.create"
    CASE_VIEW = "case.view"
    HOUSEHOLD_VIEW = "household.view"
    HOUSEHOLD_EDIT = "household.edit"
    UNMASK = "unmask"
    ACCOUNT_VIEW = "account.view"
    NOTICE_VIEW = "notice.view"
    FUND_VIEW = "fund.view"
    FUND_WORK = "fund.work"
    STOCK_VIEW = "stock.view"
    STOCK_WORK = "stock.work"
    AUDIT_READ = "audit.read"
    STAFF_MANAGE = "staff.manage"
    PROGRAMME_MANAGE = "programme.manage"
    IMPORT = "import"
    RELATIVES_VIEW = "relatives.view"
    PUBLIC_VIEW = "public.view"


class Desk(StrEnum):
    VILLAGE = "village"
    TOWNSHIP = "township"
    COUNTY = "county"
    FUNDS = "funds"
    STOCK = "stock"
    AUDIT = "audit"
    ADMIN = "admin"
    OTHER = "other"


@dataclass(frozen=True)
class Role:
    code: str
    title: object
    level: Level | None  # where it is usually held; None: at any level
    desk: Desk
    abilities: frozenset[Ability]


A = Ability
_SEES = (A.CASE_VIEW, A.HOUSEHOLD_VIEW)

ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role("informant", _("信息员"), Level.GROUP, Desk.OTHER, frozenset({A.LEAD_CREATE})),
        Role("member", _("会员"), Level.VILLAGE, Desk.OTHER, frozenset({A.LEAD_CREATE})),
        Role("group_leader", _("村民组长"), Level.GROUP, Desk.OTHER, frozenset({A.LEAD_CREATE})),
        Role(
            "village_clerk",
            _("村级专干"),
            Level.VILLAGE,
            Desk.VILLAGE,
            frozenset({A.LEAD_CREATE, *_SEES, A.HOUSEHOLD_EDIT, A.NOTICE_VIEW}),
        ),
        Role(
            "village_head", _("村书记"), Level.VILLAGE, Desk.VILLAGE, frozenset({A.LEAD_CREATE, *_SEES, A.NOTICE_VIEW})
        ),
        Role(
            "village_supervisor", _("村务监督员"), Level.VILLAGE, Desk.OTHER, frozenset({A.LEAD_CREATE, A.NOTICE_VIEW})
        ),
        Role(
            "resident_cadre",
            _("驻村干部"),
            Level.VILLAGE,
            Desk.VILLAGE,
            frozenset({A.LEAD_CREATE, *_SEES, A.HOUSEHOLD_EDIT, A.NOTICE_VIEW}),
        ),
        Role(
            "township_clerk",
            _("乡镇经办"),
            Level.TOWNSHIP,
            Desk.TOWNSHIP,
            frozenset(
                {
                    A.LEAD_CREATE,
                    *_SEES,
                    A.UNMASK,
                    A.RELATIVES_VIEW,
                    A.NOTICE_VIEW,
                    A.FUND_VIEW,
                    A.STOCK_VIEW,
                    A.STOCK_WORK,
                    A.IMPORT,
                }
            ),
        ),
        Role(
            "township_approver",
            _("乡镇审批"),
            Level.TOWNSHIP,
            Desk.TOWNSHIP,
            frozenset({*_SEES, A.UNMASK, A.RELATIVES_VIEW, A.NOTICE_VIEW, A.FUND_VIEW, A.STOCK_VIEW}),
        ),
        Role(
            "county_reviewer",
            _("县级经办"),
            Level.COUNTY,
            Desk.COUNTY,
            frozenset({*_SEES, A.UNMASK, A.RELATIVES_VIEW, A.NOTICE_VIEW, A.FUND_VIEW, A.STOCK_VIEW, A.IMPORT}),
        ),
        Role(
            "county_approver",
            pgettext_lazy("role", "县级确认"),
            Level.COUNTY,
            Desk.COUNTY,
            frozenset({*_SEES, A.UNMASK, A.RELATIVES_VIEW, A.NOTICE_VIEW, A.FUND_VIEW, A.STOCK_VIEW}),
        ),
        Role(
            "fund_manager",
            _("资金管理"),
            Level.COUNTY,
            Desk.FUNDS,
            frozenset({A.CASE_VIEW, A.ACCOUNT_VIEW, A.FUND_VIEW, A.FUND_WORK, A.STOCK_VIEW, A.STOCK_WORK}),
        ),
        Role(
            "fund_checker",
            _("资金复核"),
            Level.COUNTY,
            Desk.FUNDS,
            frozenset({A.CASE_VIEW, A.ACCOUNT_VIEW, A.FUND_VIEW, A.FUND_WORK}),
        ),
        Role(
            "cashier",
            _("出纳"),
            Level.COUNTY,
            Desk.FUNDS,
            frozenset({A.CASE_VIEW, A.ACCOUNT_VIEW, A.FUND_VIEW, A.FUND_WORK}),
        ),
        # Counts goods and hands them out: of a family it sees the name on the slip and nothing else.
        Role("storekeeper", _("库管员"), None, Desk.STOCK, frozenset({A.STOCK_VIEW, A.STOCK_WORK})),
        Role(
            "auditor",
            _("审计"),
            Level.COUNTY,
            Desk.AUDIT,
            frozenset({*_SEES, A.UNMASK, A.RELATIVES_VIEW, A.NOTICE_VIEW, A.FUND_VIEW, A.STOCK_VIEW, A.AUDIT_READ}),
        ),
        Role("donor", _("捐赠人"), None, Desk.OTHER, frozenset({A.PUBLIC_VIEW})),
        Role("villager", _("村民"), None, Desk.OTHER, frozenset({A.PUBLIC_VIEW})),
        Role("public", _("公众"), None, Desk.OTHER, frozenset({A.PUBLIC_VIEW})),
        Role(
            "association_officer", _("协会秘书"), Level.TOWNSHIP, Desk.OTHER, frozenset({A.LEAD_CREATE, A.NOTICE_VIEW})
        ),
        Role(
            "sysadmin",
            _("系统管理员"),
            None,
            Desk.ADMIN,
            frozenset({A.STAFF_MANAGE, A.PROGRAMME_MANAGE}),
        ),
    )
}

# Held together these would undo each other (domain §4.3 rule 8): nobody administers or audits and also decides or pays.
APART_FROM_ALL_OTHERS = frozenset({"auditor", "sysadmin"})

# Posts that money passes, and those that make such posts: a second administrator confirms whoever gets them.
NEED_A_SECOND = frozenset(
    {"township_approver", "county_approver", "sysadmin"}
    | {code for code, role in ROLES.items() if Ability.FUND_WORK in role.abilities}
)


def title_of(code: str) -> str:
    """The role's name in the active language; `system` is the worker."""
    return str(ROLES[code].title) if code in ROLES else str(_("系统"))


def permission_of(code: str) -> str:
    """The guardian permission on an OrgUnit that stands for holding this role there."""
    return f"hold_{code}"
