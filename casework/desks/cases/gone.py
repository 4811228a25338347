"""Somebody of a family died or moved away: what stops is told before it is confirmed; a mistake is taken back with a reason."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from access.roles import title_of
from access.scope import posts_of
from audit import clock
from casework import people_gone
from casework.desks.acts import base_of, refuse
from casework.desks.cases.file_forms import PaperInput
from casework.errors import REFUSALS
from casework.fields import AnswerCards, DayField
from casework.queries import visible_household
from families import catalogue
from families.models import Household, HouseholdMember


class DeathForm(forms.Form):
    died_on = DayField(label=_l("哪天去世的"), latest=clock.today)
    known_by = forms.ChoiceField(label=_l("怎么知道的"), choices=catalogue.DEATH_KNOWN_BY, widget=AnswerCards)
    paper = forms.FileField(
        label=_l("死亡证明、火化证或者销户页的照片"), required=False, widget=PaperInput, help_text=_l("没有就空着。")
    )


class DepartureForm(forms.Form):
    left_on = DayField(label=_l("哪天迁走的"), latest=clock.today)
    reason = forms.CharField(
        label=_l("迁到哪里，为什么"),
        min_length=4,
        max_length=200,
        help_text=_l("例如：出嫁，迁到外县。出门打工的不算。"),
    )


class CorrectionForm(forms.Form):
    reason = forms.CharField(label=_l("哪里登记错了"), min_length=4, max_length=200, help_text=_l("会留在记录里。"))


def may(user: Any, household: Household, roles: tuple[str, ...]) -> bool:
    """Whether to show the links; what bars her as a person is said when she tries."""
    return any(post.role in roles and post.reaches(household) for post in posts_of(user))


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def death(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    member = _member(request, pk, person)
    return _page(
        request,
        member,
        DeathForm(request.POST or None, request.FILES or None),
        lambda given: people_gone.record_death(member, by=request.user, **given),
        title=_("登记去世"),
        roles=people_gone.RECORDERS,
        stops=people_gone.what_stops(member.household, member.person, died=True),
        or_departure=reverse("cases:departure", args=[pk, person]),
        note=_("登记以后，付给本人的钱都停下。登记错了，由乡镇经办更正；停了的分期不会自己恢复，要重新申请。"),
        done=_("登记好了。该停的，系统马上停。"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def departure(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    member = _member(request, pk, person)
    return _page(
        request,
        member,
        DepartureForm(request.POST or None),
        lambda given: people_gone.record_departure(member, by=request.user, **given),
        title=_("登记迁走"),
        roles=people_gone.RECORDERS,
        stops=people_gone.what_stops(member.household, member.person, died=False),
        note=_("登记以后，这个人不再算这一户的。登记错了，由乡镇经办更正；停了的分期不会自己恢复，要重新申请。"),
        done=_("登记好了。该停的，系统马上停。"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def correct_death(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    member = _member(request, pk, person)
    return _page(
        request,
        member,
        CorrectionForm(request.POST or None),
        lambda given: people_gone.take_back_death(member, by=request.user, **given),
        title=_("更正：没有去世"),
        roles=people_gone.CORRECTORS,
        note=_("更正以后又可以给本人付钱。停了的分期不会自己恢复，要重新申请。"),
        done=_("更正好了。原来登记的，还查得到。"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def correct_departure(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    member = _member(request, pk, person)
    return _page(
        request,
        member,
        CorrectionForm(request.POST or None),
        lambda given: people_gone.take_back_departure(member, by=request.user, **given),
        title=_("更正：没有迁走"),
        roles=people_gone.CORRECTORS,
        note=_("更正以后，这个人又算这一户的。停了的分期不会自己恢复，要重新申请。"),
        done=_("更正好了。原来登记的，还查得到。"),
    )


def _member(request: HttpRequest, pk: int, person: int) -> HouseholdMember:
    """The person's latest time in this household."""
    household = visible_household(request.user, pk)
    member = household.members.select_related("person").filter(person=person).order_by("-pk").first()
    if member is None:
        raise Http404
    member.household = household
    return member


def _page(
    request: HttpRequest,
    member: HouseholdMember,
    form: forms.Form,
    carry_out: Callable[[dict[str, Any]], Any],
    *,
    title: str,
    roles: tuple[str, ...],
    note: str,
    done: str,
    stops: list[str] | None = None,
    or_departure: str = "",
) -> HttpResponse:
    """The form; sent, the service, and back to the family."""
    household = member.household
    allowed = may(request.user, household, roles)
    if request.method == "POST" and form.is_valid():
        try:
            carry_out(form.cleaned_data)
        except REFUSALS as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, done)
            return redirect("cases:family", household.pk)
    context = {
        "household": household,
        "member": member,
        "form": form,
        "title": title,
        "note": note,
        "stops": stops,
        "or_departure": or_departure,
        "refusal": ""
        if allowed
        else _("这一步由%(who)s办。") % {"who": _("或").join(title_of(role) for role in roles)},
        "base": base_of(request.user),
    }
    return render(request, "cases/gone.html", context, status=422 if form.errors else 200)
