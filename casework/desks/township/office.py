"""The two offices that decide: the township and the county. The same pages, under their own addresses and names."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from access.roles import ROLES, Desk
from access.scope import posts_of


@dataclass(frozen=True)
class Office:
    """`places` is the level of the units that a queue is filtered by: a township's villages, a county's townships."""

    desk: Desk
    level: str
    places: str
    waiting: Any  # heading of the queue
    elsewhere: Any  # what somebody reads who has no post here

    def url(self, page: str, *args: Any) -> str:
        return reverse(f"{self.desk.value}:{page}", args=args)

    @property
    def urls(self) -> dict[str, str]:
        """The pages without an argument, for templates."""
        pages = ["queue", "overdue", "recusals", "find", "releases"]
        pages += ["objections", "batch"] if self.desk == Desk.TOWNSHIP else ["appeals", "filed"]
        return {page: self.url(page) for page in pages}


TOWNSHIP = Office(
    Desk.TOWNSHIP, "township", "village", _("等我办的"), _("这里是乡镇的工作台，要有乡镇经办或审批的岗位才能进。")
)
COUNTY = Office(
    Desk.COUNTY, "county", "township", _("等我办的"), _("这里是县级的工作台，要有县级经办或确认的岗位才能进。")
)


def at(office: Office) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Bind a view to one office; whoever has no post there reads who may come in."""

    def bind(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def bound(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not any(ROLES[post.role].desk == office.desk for post in posts_of(request.user)):
                raise PermissionDenied(office.elsewhere)
            return view(request, office=office, **kwargs)

        return bound

    return bind


def places_of(user: Any, office: Office) -> list[OrgUnit]:
    """The units that her lists may be filtered by, in the order of their codes."""
    units = {post.unit_id for post in posts_of(user) if ROLES[post.role].desk == office.desk}
    return list(
        OrgUnit.objects.filter(
            level=office.places, valid_to__isnull=True, **{f"{office.level}_id__in": units}
        ).order_by("code")
    )
