"""Where money comes from: each income with its paper, donors, campaigns. Beneficiaries' names stand on none of these pages."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from audit import clock
from audit.context import acting
from casework.desks.funds.earmarks import earmark_words, programme_title
from casework.desks.funds.reach import (
    campaigns_in_reach,
    demand,
    demand_for_unit,
    donors_in_reach,
    funds_in_reach,
    posts_for,
    receipts_in_reach,
    why_not,
)
from casework.desks.funds.source_forms import CampaignForm, DonorForm, PublishForm, ReceiptForm
from casework.errors import REFUSALS
from casework.http import row_number
from casework.reach import visible
from funds import receipts
from funds.models import Campaign, Donor, Fund, Receipt
from funds.refusals import in_plain_words

PAGE = 25
MOST_DONORS = 500  # in one select


def _demand_reach(user: Any) -> None:
    if not funds_in_reach(user).exists() and not posts_for(user, "make"):
        raise Http404


@login_required
@require_safe
def income(request: HttpRequest) -> HttpResponse:
    """Every income with its paper, newest first; reversed ones stay in the list and out of the sum."""
    _demand_reach(request.user)
    asked = request.GET
    rows = receipts_in_reach(request.user)
    kind, fund_id, words = asked.get("kind", ""), row_number(asked.get("fund")), asked.get("q", "").strip()
    year = row_number(asked.get("year"))
    if kind in Receipt.Kind.values:
        rows = rows.filter(kind=kind)
    if fund_id:
        rows = rows.filter(fund=fund_id)
    if year and year < 10_000:
        rows = rows.filter(received_on__year=year)
    if words:
        rows = rows.filter(
            Q(receipt_no=words) | Q(document_no__icontains=words) | Q(bank_reference=words) | Q(donor__name=words)
        )
    told = rows.select_related("fund", "donor", "campaign", "recorded_by", "transfer__reversed_by")
    page = Paginator(told, PAGE).get_page(asked.get("page"))
    return render(
        request,
        "funds/receipts.html",
        {
            "page": page,
            "sum_fen": receipts.standing(rows).order_by().aggregate(fen=Sum("amount_fen"))["fen"] or 0,
            "kinds": Receipt.Kind.choices,
            "funds": funds_in_reach(request.user).order_by("code"),
            "asked": {"kind": kind, "fund": fund_id, "year": asked.get("year", ""), "q": words},
            "why_not": why_not(request.user, "make"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def receive(request: HttpRequest, fund_id: int) -> HttpResponse:
    """Enter an income, with its paper."""
    found = visible(funds_in_reach(request.user).select_related("unit", "only_unit"), pk=fund_id)
    demand_for_unit(request.user, found.unit)
    form = ReceiptForm(request.POST or None, fund=found, donors=_donors_for(request.user, found))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                made = receipts.record(
                    found,
                    receipts.Income(
                        given["kind"],
                        given["amount_fen"],
                        given["received_on"],
                        donor=given.get("donor"),
                        campaign=given.get("campaign"),
                        receipt_no=given.get("receipt_no", "").strip(),
                        document_no=given["document_no"].strip(),
                        purpose_words=given["purpose_words"].strip(),
                        bank_reference=given["bank_reference"].strip(),
                    ),
                    by=request.user,
                    key=f"receive:{given['key']}",
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("收款记好了。"))
            return redirect("funds:receipt", made.pk)
    return render(
        request,
        "funds/form.html",
        {"form": form, "fund": found, "title": _("记收款"), "verb": _("记账"), "earmark": earmark_words(found)},
    )


def _donors_for(user: Any, fund: Fund) -> QuerySet[Donor]:
    """Donors on the list of the unit that keeps the fund, or above or beneath it; the newest, if they are very many."""
    above = [getattr(fund.unit, f"{level}_id") for level in ("province", "prefecture", "county", "township", "village")]
    beneath = Q(**{f"unit__{fund.unit.level}_id": fund.unit_id})
    listed = donors_in_reach(user).filter(beneath | Q(unit__in=[pk for pk in above if pk]))
    return Donor.objects.filter(pk__in=listed.order_by("-pk").values("pk")[:MOST_DONORS])


@login_required
@require_safe
def receipt(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """One income as a paper that can be printed."""
    rows = receipts_in_reach(request.user).select_related(
        "fund__only_unit", "unit", "donor", "campaign", "recorded_by", "transfer__reversed_by__proposal"
    )
    found = visible(rows, pk=receipt_id)
    return render(request, "funds/receipt.html", {"receipt": found, "earmark": earmark_words(found.fund)})


# --- donors -----------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def donors(request: HttpRequest) -> HttpResponse:
    """Everybody who gave, persons masked, with what they gave."""
    _demand_reach(request.user)
    rows = donors_in_reach(request.user).select_related("unit")
    kind, words = request.GET.get("kind", ""), request.GET.get("q", "").strip()
    if kind in Donor.Kind.values:
        rows = rows.filter(kind=kind)
    if words:  # a person is found by her whole name alone: a list that answers to parts of names is a register
        rows = rows.filter(Q(name=words) | Q(name__icontains=words) & ~Q(kind="person"))
    page = Paginator(rows.order_by("kind", "name", "pk"), PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    totals = receipts.totals_of(shown)
    return render(
        request,
        "funds/donors.html",
        {
            "page": page,
            "rows": [
                {"donor": donor, "count": totals.get(donor.pk, (0, 0))[0], "fen": totals.get(donor.pk, (0, 0))[1]}
                for donor in shown
            ],
            "kinds": Donor.Kind.choices,
            "asked": {"kind": kind, "q": words},
            "why_not": why_not(request.user, "make"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_donor(request: HttpRequest) -> HttpResponse:
    demand(request.user, "make")
    units = OrgUnit.objects.filter(pk__in=[post.unit_id for post in posts_for(request.user, "make")])
    form = DonorForm(request.POST or None, units=units)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with acting(request.user, reason="add_donor"), in_plain_words():
                made = receipts.add_donor(given["unit"], given["kind"], given["name"], key=f"donor:{given['key']}")
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("登记好了：%(who)s。") % {"who": made.masked})
            return redirect("funds:donor", made.pk)
    return render(request, "funds/form.html", {"form": form, "title": _("登记捐赠人"), "verb": _("登记")})


@login_required
@require_safe
def donor(request: HttpRequest, donor_id: int) -> HttpResponse:
    """A donor's statement: what she gave, to which funds, and her share of what these funds did."""
    found = visible(donors_in_reach(request.user).select_related("unit"), pk=donor_id)
    hers = receipts_in_reach(request.user).filter(donor=found)
    page = Paginator(hers.select_related("fund", "campaign", "transfer__reversed_by"), PAGE).get_page(
        request.GET.get("page")
    )
    given = receipts.given_by(found)
    return render(
        request,
        "funds/donor.html",
        {
            "donor": found,
            "page": page,
            "given": [
                {
                    "fund": one.fund,
                    "given_fen": one.given_fen,
                    "whole": one.whole,
                    "part": one.part,
                    "paid_for": [
                        {"title": programme_title(programme), "whole_fen": whole, "part_fen": part}
                        for (programme, whole), (_same, part) in zip(one.whole.paid_for, one.part.paid_for, strict=True)
                    ],
                }
                for one in given
            ],
            "sum_fen": sum(one.given_fen for one in given),
        },
    )


# --- campaigns --------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    _demand_reach(request.user)
    rows = campaigns_in_reach(request.user).select_related("fund", "unit")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    raised = receipts.raised_fen(shown)
    return render(
        request,
        "funds/campaigns.html",
        {
            "page": page,
            "rows": [
                {
                    "campaign": campaign,
                    "raised_fen": raised.get(campaign.pk, 0),
                    "due": receipts.publication_due(campaign),
                }
                for campaign in shown
            ],
            "why_not": why_not(request.user, "make"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_campaign(request: HttpRequest) -> HttpResponse:
    demand(request.user, "make")
    kept = funds_in_reach(request.user).filter(source__in=("raised", "in_kind")).order_by("code")
    form = CampaignForm(request.POST or None, funds=kept)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        demand_for_unit(request.user, given["fund"].unit)
        try:
            with acting(request.user, reason="open_campaign"), in_plain_words():
                made = receipts.open_campaign(
                    given["fund"],
                    given["name"],
                    purpose_words=given["purpose_words"],
                    starts_on=given["starts_on"],
                    ends_on=given["ends_on"],
                    licence_no=given["licence_no"],
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("「%(name)s」建好了。") % {"name": made.name})
            return redirect("funds:campaign", made.pk)
    return render(request, "funds/form.html", {"form": form, "title": _("新建募捐"), "verb": _("建好")})


@login_required
@require_safe
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _campaign_page(request, _campaign(request, campaign_id), PublishForm())


def _campaign(request: HttpRequest, campaign_id: int) -> Campaign:
    return visible(campaigns_in_reach(request.user).select_related("fund__only_unit", "unit"), pk=campaign_id)


def _campaign_page(request: HttpRequest, found: Campaign, form: PublishForm) -> HttpResponse:
    """How much came in, and in proportion to its fund: what was used, what is promised, what is left."""
    rows = receipts_in_reach(request.user).filter(campaign=found)
    page = Paginator(rows.select_related("donor", "transfer__reversed_by"), PAGE).get_page(request.GET.get("page"))
    raised = receipts.raised_fen([found]).get(found.pk, 0)
    whole = receipts.uses_of([found.fund])[found.fund_id]
    return render(
        request,
        "funds/campaign.html",
        {
            "campaign": found,
            "page": page,
            "raised_fen": raised,
            "whole": whole,
            "part": whole.share(raised),
            "due": receipts.publication_due(found),
            "today": clock.today(),
            "earmark": earmark_words(found.fund),
            "may_make": any(post.reaches(found.unit) for post in posts_for(request.user, "make")),
            "why_not": why_not(request.user, "make"),
            "form": form,
        },
    )


@login_required
@require_POST
def publish(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Write down that the figures were made public today, and where."""
    found = _campaign(request, campaign_id)
    demand_for_unit(request.user, found.unit)
    form = PublishForm(request.POST)
    if not form.is_valid():
        return _campaign_page(request, found, form)
    with acting(request.user, reason="publish_campaign"):
        receipts.publish_campaign(found, where=form.cleaned_data["where"])
    messages.success(request, _("记好了：今天公布过。"))
    return redirect("funds:campaign", found.pk)


@login_required
@require_POST
def close_campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(request, campaign_id)
    demand_for_unit(request.user, found.unit)
    with acting(request.user, reason="close_campaign"):
        receipts.close_campaign(found)
    messages.success(request, _("募捐结束了，不再收捐款。三个月内要公布总的情况。"))
    return redirect("funds:campaign", found.pk)
