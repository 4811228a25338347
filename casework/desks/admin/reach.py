"""Who may administer what: the units below her own post, the accounts that have a post there or none at all."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from access.models import Appointment, Grant, OrgUnit, Staff
from access.roles import Ability
from access.scope import can, scope
from audit import clock
from casework.models import Case
from families.models import Household


def administrators(ability: Ability = Ability.STAFF_MANAGE) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let in whoever has the ability anywhere; the rows are narrowed by what follows here."""

    def bind(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def bound(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not can(request.user, ability):
                raise PermissionDenied(_("这里是系统管理的工作台，只有系统管理员能进。"))
            return view(request, **kwargs)

        return bound

    return bind


def units_in_reach(user: Any) -> QuerySet[OrgUnit]:
    """The units that she administers, her own included."""
    return scope(user, Ability.STAFF_MANAGE).filter(OrgUnit.objects.all())


def staff_in_reach(user: Any) -> QuerySet[Staff]:
    """Accounts with a post, past ones included, in her units, and accounts without any post yet."""
    posts = Appointment.objects.filter(staff_id=OuterRef("pk"))
    return Staff.objects.filter(Q(Exists(posts.filter(unit__in=units_in_reach(user)))) | ~Q(Exists(posts)))


def staff_or_404(user: Any, pk: int) -> Staff:
    return get_object_or_404(staff_in_reach(user), pk=pk)


def staff_to_change_or_404(user: Any, pk: int) -> Staff:
    """An account that is hers to close or to give a new password: every post that it opens, now or later, is in her units.

    Raises PermissionDenied with the sentence why not.
    """
    staff, today = staff_or_404(user, pk), clock.today()
    opens = Q(staff=staff) | Q(delegations__delegate=staff, delegations__valid_to__gte=today)
    not_over = Q(valid_to__isnull=True) | Q(valid_to__gte=today)
    if Appointment.objects.filter(opens & not_over).exclude(unit__in=units_in_reach(user)).exists():
        raise PermissionDenied(_("%(name)s 在别处也有岗位，要由上级的管理员办。") % {"name": staff.name})
    return staff


def grants_in_reach(user: Any) -> QuerySet[Grant]:
    """Grants on cases and families of her units. Where the person works does not matter: without a post she is in everybody's
    reach, and what she may look at lies in one place all the same.
    """
    condition = Q(pk__in=())
    for model in (Case, Household):
        there = scope(user, Ability.STAFF_MANAGE).filter(model.objects.all())
        condition |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=there.values("pk"))
    return Grant.objects.filter(condition)


def appointment_or_404(user: Any, pk: int) -> Appointment:
    posts = Appointment.objects.select_related("staff", "unit").filter(unit__in=units_in_reach(user))
    return get_object_or_404(posts, pk=pk)
