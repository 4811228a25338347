"""Village committee members and cadres without an account: the clerk enters them and what they signed on paper."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from access.models import OrgUnit
from access.roles import Ability
from access.scope import posts_of
from audit import clock
from casework.desks.acts import base_of, refuse
from casework.desks.relatives.forms import CadreForm, EndCadreForm, RelativeForm
from casework.desks.relatives.lists import keepers, with_words
from casework.desks.township.views import CappedPaginator
from casework.errors import REFUSALS
from casework.queries import PAGE
from casework.reach import units_in, visible
from casework.relatives import register, who
from families.models import Cadre, RelativeStatement


def _units(user: Any) -> Any:
    condition = units_in(user, Ability.RELATIVES_VIEW)
    rows = OrgUnit.objects.filter(valid_to__isnull=True, level__in=["village", "township", "county"])
    return rows.filter(condition) if condition is not None else rows.none()


def _enters(user: Any) -> bool:
    return any(post.role in who.ENTERS for post in posts_of(user))


@sensitive_post_parameters("id_number")
@keepers
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def cadres(request: HttpRequest) -> HttpResponse:
    """Who must declare without an account, within reach; a form for another."""
    user, year = request.user, clock.today().year
    form = CadreForm(request.POST or None, units=_units(user)) if _enters(user) else None
    if request.method == "POST" and form is None:
        raise PermissionDenied(_("没有账号的干部由乡镇经办或县级经办登记。"))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = register.register_cadre(
                given["name"], given["id_number"], unit=given["unit"], post=given["post"], by=user
            )
        except REFUSALS as refusal:
            refuse(form, refusal, "id_number")
        else:
            messages.success(request, _("登记好了。照签了字的表，逐个录入近亲属。"))
            return redirect("relatives:cadre", made.pk)
    rows = who.of_reach(user, Cadre.objects.filter(valid_to__isnull=True)).select_related("unit")
    rows = rows.annotate(open_count=Count("declarations", filter=Q(declarations__ended_on__isnull=True)))
    page = CappedPaginator(rows.order_by("unit__code", "name", "pk"), PAGE).get_page(request.GET.get("page"))
    keys = [cadre.person_key for cadre in page]
    stated = set(RelativeStatement.objects.filter(person_key__in=keys, year=year).values_list("person_key", flat=True))
    context = {
        "page": page,
        "rows": [{"cadre": cadre, "stated": cadre.person_key in stated} for cadre in page],
        "form": form,
        "year": year,
        "base": base_of(user),
    }
    return render(request, "relatives/cadres.html", context, status=422 if form is not None and form.errors else 200)


@sensitive_post_parameters("id_number")
@keepers
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def cadre(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them: what was declared on paper, and a form for another relative."""
    user = request.user
    found = _cadre(request, pk)
    may = who.may(user, who.ENTERS, found.unit)
    form = RelativeForm(request.POST or None, relations=register.relations_today()) if may else None
    if request.method == "POST" and form is None:
        raise PermissionDenied(_("没有账号的干部由乡镇经办或县级经办登记。"))
    if request.method == "POST" and form.is_valid():
        try:
            register.declare_for(found, form.relative, by=user)
        except REFUSALS as refusal:
            refuse(form, refusal, "id_number")
        else:
            messages.success(request, _("录好了，马上起作用。还要由另一个人对着签字的表核对。"))
            return redirect("relatives:cadre", pk)
    year = clock.today().year
    context = {
        "cadre": found,
        "rows": with_words(found.declarations.select_related("confirmed_by")[:100]),
        "form": form,
        "end_form": EndCadreForm() if may and found.valid_to is None else None,
        "year": year,
        "statement": RelativeStatement.objects.filter(person_key=found.person_key, year=year).first(),
        "base": base_of(user),
    }
    return render(request, "relatives/cadre.html", context, status=422 if form is not None and form.errors else 200)


@keepers
@require_POST
def state(request: HttpRequest, pk: int) -> HttpResponse:
    """This year's statement, from the signed paper."""
    return _carry_out(request, pk, lambda row: register.state_for(row, by=request.user), _("这一年的确认记好了。"))


@keepers
@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """The last day in office."""
    form = EndCadreForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(text for texts in form.errors.values() for text in texts))
        return redirect("relatives:cadre", pk)
    return _carry_out(
        request, pk, lambda row: register.end_cadre(row, on=form.cleaned_data["on"], by=request.user), _("离任记好了。")
    )


def _carry_out(request: HttpRequest, pk: int, verb: Any, done: str) -> HttpResponse:
    row = _cadre(request, pk)
    if not who.may(request.user, who.ENTERS, row.unit):
        raise PermissionDenied(_("没有账号的干部由乡镇经办或县级经办登记。"))
    try:
        verb(row)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("relatives:cadre", pk)


def _cadre(request: HttpRequest, pk: int) -> Cadre:
    return visible(who.of_reach(request.user, Cadre.objects.select_related("unit", "entered_by")), pk=pk)
