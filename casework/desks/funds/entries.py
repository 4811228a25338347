"""The rows behind a mark: which transfers a figure of a picture is made of, as a list whose sum is that figure.

`Chosen` is the one spelling of such a choice. Pictures write it into their links, the list reads it out of the request,
and both ask the same accounts; so a mark and its list cannot part.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, F, Q, QuerySet, Sum, Value, When
from django.db.models import Case as Switch
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from access.models import OrgUnit
from access.roles import Ability
from audit import clock
from casework.desks.funds import figures
from casework.desks.funds.earmarks import programme_in_reach, programme_title
from casework.desks.funds.reach import allocations_in_reach, cases_in_reach, demand_money, funds_in_reach
from casework.http import day_of, row_number
from casework.reach import units_in, visible
from funds.models import Account, Fund, Transfer

K = Account.Kind
PAGE = 25
MOST_LEFT_OUT = 30  # names that a link may leave out; pictures draw fewer
# in place of a programme: what a fund has not set aside for anything; what is set aside, but not yet given on
NOT_ALLOCATED, NOT_GIVEN_ON = "-", "_"

# {figure: (accounts it sums up, its name)}: those of the desk, and what of an allocation is promised or paid
SUMS: dict[str, tuple[tuple[str, ...], Any]] = figures.FIGURES | {
    "used": ((*figures.HELD, K.PAID), gettext_lazy("已承诺和已拨付")),
}


@dataclass(frozen=True)
class Chosen:
    """A figure of some money. What is not set does not narrow it; `not_*` leave out what a picture names by itself."""

    figure: str = "total"
    year: int | None = None
    fund: int | None = None
    not_fund: tuple[int, ...] = ()
    programme: str = ""
    not_programme: tuple[str, ...] = ()
    allocation: int | None = None
    village: int | None = None
    not_village: tuple[int, ...] = ()
    township: int | None = None
    not_township: tuple[int, ...] = ()
    first: datetime.date | None = None
    last: datetime.date | None = None

    def but(self, **changes: Any) -> "Chosen":
        return replace(self, **changes)

    def query(self) -> str:
        """As a query string; what is not set is left out."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return urlencode({name: value for name, value in given.items() if value}, doseq=True)

    @property
    def url(self) -> str:
        return f"{reverse('funds:entries')}?{self.query()}"

    @classmethod
    def asked(cls, given: QueryDict) -> "Chosen":
        """What a request asks for. Raises Http404 for a figure that there is none of; other nonsense narrows nothing."""
        figure = given.get("figure", "total")
        if figure not in SUMS:
            raise Http404
        return cls(
            figure,
            row_number(given.get("year")),
            fund=row_number(given.get("fund")),
            not_fund=_numbers(given.getlist("not_fund")),
            programme=given.get("programme", ""),
            not_programme=tuple(given.getlist("not_programme")[:MOST_LEFT_OUT]),
            allocation=row_number(given.get("allocation")),
            village=row_number(given.get("village")),
            not_village=_numbers(given.getlist("not_village")),
            township=row_number(given.get("township")),
            not_township=_numbers(given.getlist("not_township")),
            first=day_of(given.get("first", "")),
            last=day_of(given.get("last", "")),
        )


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(number for number in map(row_number, list(texts)[:MOST_LEFT_OUT]) if number is not None)


def giving_funds(user: Any) -> QuerySet[Fund]:
    """Funds kept within reach, or with an allocation within reach."""
    of_allocations = Q(pk__in=allocations_in_reach(user).values("fund"))
    return Fund.objects.filter(of_allocations | Q(pk__in=funds_in_reach(user)))


def accounts(user: Any, chosen: Chosen) -> QuerySet[Account]:
    """The accounts within reach whose sum the figure is.

    What a fund has not allocated belongs to no year: it is free today, and counts in the present one.
    """
    allocated = Q(allocation__in=allocations_in_reach(user))
    loose = Q(allocation__isnull=True, fund__in=funds_in_reach(user))
    if chosen.year is not None:
        allocated &= Q(allocation__year=chosen.year)
        if chosen.year != clock.today().year:
            loose = Q(pk__in=())
    if chosen.programme == NOT_ALLOCATED:
        allocated = Q(pk__in=())
    elif chosen.programme:
        allocated &= Q(allocation__programme="" if chosen.programme == NOT_GIVEN_ON else chosen.programme)
    if chosen.not_programme:
        allocated &= ~Q(allocation__programme__in=("", *chosen.not_programme))
    if chosen.allocation:
        allocated &= Q(allocation=chosen.allocation)
    if chosen.allocation or chosen.not_programme or chosen.programme not in ("", NOT_ALLOCATED):
        loose = Q(pk__in=())
    rows = Account.objects.filter(allocated | loose, kind__in=SUMS[chosen.figure][0])
    if chosen.fund:
        rows = rows.filter(fund=chosen.fund)
    return rows.exclude(fund__in=chosen.not_fund) if chosen.not_fund else rows


def moved(inside: Iterable[int]) -> Switch:
    """How many fen a transfer adds to these accounts together."""
    into, out_of = Q(credit__in=inside), Q(debit__in=inside)
    return Switch(
        When(into & ~out_of, then=F("amount_fen")),
        When(out_of & ~into, then=-F("amount_fen")),
        default=Value(0),
        output_field=BigIntegerField(),
    )


def transfers(user: Any, chosen: Chosen) -> QuerySet[Transfer]:
    """The transfers that move the figure, each with `moved_fen`, what it adds or (negative) takes. Two queries."""
    inside = list(accounts(user, chosen).values_list("pk", flat=True))
    rows = Transfer.objects.filter(Q(credit__in=inside) | Q(debit__in=inside))
    rows = rows.annotate(moved_fen=moved(inside)).exclude(moved_fen=0)
    for level in ("village", "township"):
        place = "reservation__village" + ("" if level == "village" else "__township")
        if getattr(chosen, level):
            rows = rows.filter(**{place: getattr(chosen, level)})
        if getattr(chosen, f"not_{level}"):
            rows = rows.exclude(**{f"{place}__in": getattr(chosen, f"not_{level}")})
    if chosen.first:
        rows = rows.filter(business_date__gte=chosen.first)
    if chosen.last:
        rows = rows.filter(business_date__lte=chosen.last)
    return rows


@login_required
@require_safe
def entries(request: HttpRequest) -> HttpResponse:
    """The transfers behind a figure, newest first, with their signs; the sum is the figure."""
    user, chosen = request.user, Chosen.asked(request.GET)
    demand_money(user)
    words = _words(user, chosen)
    rows = transfers(user, chosen)
    sum_fen = rows.aggregate(fen=Sum("moved_fen"))["fen"] or 0
    shown = rows.select_related("debit__fund", "debit__allocation", "credit__allocation", "reservation__village")
    page = Paginator(shown.order_by("-business_date", "-id"), PAGE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    cases = figures.with_cases([{"subject": row.subject, "fen": row.moved_fen} for row in found], cases_in_reach(user))
    return render(
        request,
        "funds/entries.html",
        {
            "page": page,
            "rows": [
                {
                    "transfer": row,
                    "kind": figures.KIND_WORDS[row.kind],
                    "programme": _programme_of(row),
                    "case": part.case,
                    "moved_fen": row.moved_fen,
                }
                for row, part in zip(found, cases, strict=True)
            ],
            "sum_fen": sum_fen,
            "title": SUMS[chosen.figure][1],
            "words": words,
        },
    )


def _programme_of(transfer: Transfer) -> str:
    """What the money is set aside for, or "" for a movement of the fund itself."""
    allocation = transfer.debit.allocation or transfer.credit.allocation
    return str(programme_title(allocation.programme)) if allocation else ""


def _words(user: Any, chosen: Chosen) -> list[str]:
    """What the list is narrowed to, in the reader's words. Raises Http404 for a fund, allocation, programme or place out of reach."""
    words = []
    if chosen.year:
        words.append(_("%(year)d 年") % {"year": chosen.year})
    if chosen.fund:
        words.append(visible(giving_funds(user), pk=chosen.fund).name)
    if chosen.allocation:
        allocation = visible(allocations_in_reach(user).select_related("unit"), pk=chosen.allocation)
        words += [str(programme_title(allocation.programme)), allocation.unit.name]
    if chosen.programme == NOT_ALLOCATED:
        words.append(_("还没有分配"))
    elif chosen.programme == NOT_GIVEN_ON:
        words.append(str(programme_title("")))
    elif chosen.programme:
        words.append(str(programme_in_reach(user, chosen.programme)))
    for place in filter(None, (chosen.township, chosen.village)):
        here = units_in(user, Ability.FUND_VIEW)
        units = OrgUnit.objects.filter(here) if here is not None else OrgUnit.objects.none()
        words.append(visible(units, pk=place).name)
    if chosen.not_fund:
        words.append(_("图上没有单列的资金"))
    if chosen.not_programme:
        words.append(_("图上没有单列的帮扶"))
    if chosen.not_village or chosen.not_township:
        words.append(_("图上没有单列的地方"))
    if chosen.first or chosen.last:
        words.append(
            _("%(first)s 到 %(last)s") % {"first": chosen.first or _("开始"), "last": chosen.last or _("现在")}
        )
    return words
