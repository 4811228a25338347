"""The accounts that the login page of a demo installation offers: one person per role."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from access.models import Appointment
from access.roles import title_of
from audit import clock

DEMO_PASSWORD = "demo-2026"

_WORK: dict[str, tuple[str, Any]] = {
    "village_clerk": ("pen", _("入户登记、回访")),
    "village_head": ("people", _("评议、签村里的意见")),
    "township_clerk": ("tick-list", _("核对材料、算金额")),
    "township_approver": ("check", _("审核、同意、退回")),
    "county_reviewer": ("search", _("抽查、上门核实")),
    "county_approver": ("stamp", _("确认")),
    "fund_manager": ("coin", _("发放、对账")),
    "fund_checker": ("scale", _("复核每一笔")),
    "cashier": ("bank", _("付款、导入回单")),
    "storekeeper": ("box", _("收发物资、盘点")),
    "auditor": ("shield", _("追查一笔钱，只读")),
    "sysadmin": ("gear", _("账号、岗位、项目规则")),
}


@dataclass(frozen=True)
class DemoAccount:
    username: str
    name: str
    role: str
    place: str
    icon: str
    work: Any


def demo_accounts() -> list[DemoAccount]:
    """One account per role, in the order of the work; nothing outside demo mode."""
    if not settings.DEMO:
        return []
    today = clock.today()
    posts = (
        Appointment.objects.filter(role__in=_WORK, valid_from__lte=today, staff__is_active=True)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gte=today))
        .order_by("role", "pk")
        .distinct("role")
        .select_related("staff", "unit")
    )
    of_role = {post.role: post for post in posts}
    return [
        DemoAccount(post.staff.username, post.staff.name, title_of(role), post.unit.name, icon, work)
        for role, (icon, work) in _WORK.items()
        if (post := of_role.get(role))
    ]
