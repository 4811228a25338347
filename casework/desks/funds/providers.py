"""Those who are paid in a family's stead: put on the list by one person, compared with their papers by another."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import vault
from access.models import OrgUnit
from audit.context import acting
from casework.desks.funds.forms import KeyedForm, ProviderForm
from casework.desks.funds.reach import (
    cases_in_reach,
    demand,
    demand_for_unit,
    demand_money,
    payments_in_reach,
    posts_for,
    providers_in_reach,
    why_not,
)
from casework.desks.funds.tables import PAYMENT_TONES, cases_of
from casework.errors import REFUSALS
from casework.http import day_of
from casework.models import Case
from casework.reach import visible
from families.identifiers import credit_code_check_holds
from flows.states import STATES
from funds import providers as services
from funds.errors import NotYours
from funds.models import Payment, Provider
from funds.refusals import in_plain_words

PAGE = 50
MOST_CASES = 100


def standing(provider: Provider) -> tuple[Any, str]:
    """(words, tone) of where a provider stands."""
    if provider.ended_on:
        return _("已停用"), "end"
    return (_("可以付"), "ok") if provider.checked_on else (_("等第二个人核对"), "soon")


def _with_cases(rows: QuerySet[Provider], user: Any) -> QuerySet[Provider]:
    """The providers with their open cases and with what was paid to them, each within reach."""
    cases = cases_in_reach(user).filter(provider=OuterRef("pk"), is_open=True).order_by()
    paid = payments_in_reach(user).filter(provider=OuterRef("pk"), state=Payment.State.CREDITED).order_by()
    return rows.annotate(
        open_cases=Coalesce(
            Subquery(cases.values("provider").annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0
        ),
        paid_fen=Coalesce(Subquery(paid.values("provider").annotate(fen=Sum("amount_fen")).values("fen")), 0),
    )


@login_required
@require_safe
def provider_list(request: HttpRequest) -> HttpResponse:
    """Providers within reach; ended ones with open cases stay in sight, because those cases need another account."""
    user, asked = request.user, request.GET
    demand_money(user)
    rows = _with_cases(providers_in_reach(user), user).select_related("unit", "recorded_by", "checked_by")
    chosen = asked.get("state", "")
    if chosen == "ended":
        rows = rows.filter(ended_on__isnull=False)
    elif chosen == "waiting":
        rows = rows.filter(ended_on__isnull=True, checked_on__isnull=True)
    elif chosen != "all":
        rows = rows.filter(ended_on__isnull=True) | rows.filter(open_cases__gt=0)
    q = asked.get("q", "").strip()
    if q:
        rows = rows.filter(name__contains=q)
    page = Paginator(rows.order_by(F("ended_on").desc(nulls_first=True), "name", "pk"), PAGE).get_page(
        asked.get("page")
    )
    states = [("", _("在用的")), ("waiting", _("等核对")), ("ended", _("停用的")), ("all", _("全部"))]
    return render(
        request,
        "funds/providers.html",
        {
            "page": page,
            "rows": [{"provider": provider, "standing": standing(provider)} for provider in page.object_list],
            "chips": [{"label": words, "url": f"?state={code}", "on": code == chosen} for code, words in states],
            "q": q,
            "may_make": bool(posts_for(user, "make")),
            "why_not": why_not(user, "make"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record(request: HttpRequest) -> HttpResponse:
    """A provider with its account, typed twice. Another account of it is recorded anew, after the old one is ended."""
    user = request.user
    demand(user, "make")
    units = OrgUnit.objects.filter(pk__in=[post.unit_id for post in posts_for(user, "make")])
    form = ProviderForm(request.POST or None, units=units)
    if request.method == "POST" and form.is_valid():
        found = _recorded(form, user)
        if found:
            code = found.credit_code
            if code and not credit_code_check_holds(code):
                messages.warning(request, _("统一社会信用代码的校验位不对，多半是抄错了。请对着证照再看一遍。"))
            messages.success(request, _("登记好了。由另一个人对着开户许可证核对以后，才能付款。"))
            return redirect("funds:provider", found.pk)
    return render(
        request,
        "funds/form.html",
        {
            "form": form,
            "title": _("登记收款单位"),
            "verb": _("登记"),
            "up": (reverse("funds:providers"), _("收款单位")),
        },
    )


def _recorded(form: ProviderForm, user: Any) -> Provider | None:
    """The provider; pressed twice it is the same one. None when it was refused, with the refusal on the form."""
    given = form.cleaned_data
    index = vault.blind_index("account", given["number"])
    known = Provider.objects.filter(
        unit=given["unit"], name=given["name"], account_index=index, recorded_by=user, ended_on__isnull=True
    ).first()
    if known:
        return known
    try:
        with in_plain_words(), acting(user, reason="record_provider"):
            return services.record(
                name=given["name"],
                kind=given["kind"],
                unit=given["unit"],
                bank=given["bank"],
                account_no=given["number"],
                credit_code=given["credit_code"],
                by=user,
            )
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return None


@login_required
@require_safe
def provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """One provider: who wrote it down and who compared it, its open cases, and the statement of what was paid to it."""
    user, asked = request.user, request.GET
    found = _provider(request, provider_id)
    first, last = day_of(asked.get("from", "")), day_of(asked.get("to", ""))
    rows = payments_in_reach(user).filter(provider=found).exclude(state=Payment.State.CANCELLED)
    if first:
        rows = rows.filter(sent_on__gte=first)
    if last:
        rows = rows.filter(sent_on__lte=last)
    sums = dict(rows.order_by().values_list("state").annotate(fen=Sum("amount_fen")))
    page = Paginator(rows.select_related("batch").order_by("-id"), PAGE).get_page(asked.get("page"))
    lines = list(page.object_list)
    of = cases_of(lines, user)
    cases = cases_in_reach(user).filter(provider=found, is_open=True).select_related("village").order_by("due_on", "id")
    open_cases: list[Case] = list(cases[: MOST_CASES + 1])
    return render(
        request,
        "funds/provider.html",
        {
            "provider": found,
            "standing": standing(found),
            "page": page,
            "lines": [
                {"payment": payment, "case": of.get(payment.pk), "tone": PAYMENT_TONES[payment.state]}
                for payment in lines
            ],
            "paid_fen": sums.get(Payment.State.CREDITED, 0),
            "under_way_fen": sum(sums.get(state, 0) for state in ("listed", "sent", "unknown")),
            "cases": [{"case": case, "state": STATES[case.state].title} for case in open_cases[:MOST_CASES]],
            "more_cases": len(open_cases) > MOST_CASES,
            "form": KeyedForm(),
            "may_check": _may_check(found, user),
            "may_end": not found.ended_on and any(post.reaches(found.unit) for post in posts_for(user, "make")),
            "asked": {"from": first, "to": last},
        },
    )


def _provider(request: HttpRequest, provider_id: int) -> Provider:
    rows = providers_in_reach(request.user).select_related("unit", "recorded_by", "checked_by")
    return visible(rows, pk=provider_id)


def _may_check(found: Provider, user: Any) -> bool:
    waits = found.checked_on is None and found.ended_on is None
    return waits and not services.why_not_check(found, user)


@login_required
@require_POST
def check(request: HttpRequest, provider_id: int) -> HttpResponse:
    """A second person has compared name and account with the provider's papers."""
    found = _provider(request, provider_id)
    if found.checked_by_id == request.user.pk:  # pressed twice
        return redirect("funds:provider", found.pk)
    try:
        with in_plain_words():
            services.check(Provider.objects.select_for_update().get(pk=found.pk), by=request.user)
    except NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("核对好了，可以付款了。"))
    return redirect("funds:provider", found.pk)


@login_required
@require_POST
def end(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Nothing more goes there; its open cases stay listed until they have another account."""
    found = _provider(request, provider_id)
    demand(request.user, "make")
    demand_for_unit(request.user, found.unit)
    if found.ended_on:
        raise Http404
    with transaction.atomic():
        services.end(Provider.objects.select_for_update().get(pk=found.pk), by=request.user)
    messages.success(request, _("已停用，以后不会再付到这个账户。"))
    return redirect("funds:provider", found.pk)
