"""What the pictures of the county's money share: the year and fund they are of, and amounts beside a mark.

Every mark leads to its rows (entries.py, or the list of payments), and those add up to the mark.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import clock
from casework.days import speaks_chinese
from casework.desks.funds.entries import giving_funds
from casework.desks.funds.reach import allocations_in_reach
from casework.http import row_number
from casework.reach import visible
from funds.models import Fund
from funds.money import FEN_PER_WAN, wan, yuan


def in_short(amount_fen: int) -> str:
    """An amount beside a mark: ten thousands where Chinese readers count in them, whole yuan otherwise."""
    if speaks_chinese() and amount_fen >= FEN_PER_WAN:
        return _("%(wan)s 万元") % {"wan": wan(amount_fen)}
    return _("%(yuan)s 元") % {"yuan": yuan(amount_fen)}


def year_of(request: HttpRequest) -> int:
    year = row_number(request.GET.get("year"))
    return year if year and 1990 <= year <= 2200 else clock.today().year


def chosen_fund(user: Any, text: str | None) -> Fund | None:
    """The fund that a request names, kept here or giving money here. Raises Http404 out of reach."""
    number = row_number(text)
    return visible(giving_funds(user), pk=number) if number else None


def choices(user: Any, year: int) -> dict[str, Any]:
    """What the filters of these pages offer. Two queries."""
    known = allocations_in_reach(user).order_by().values_list("year", flat=True).distinct()
    years = sorted({*known, year, clock.today().year}, reverse=True)
    return {"years": years, "funds": list(giving_funds(user).only("id", "name").order_by("code"))}
