"""What money may be used for, in words: wherever a fund is shown, its earmarks stand beside it."""

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from casework.desks.funds.reach import allocations_in_reach
from families import catalogue
from flows.lists import KINDS
from flows.programmes import PROGRAMMES
from funds.models import Allocation, Fund


def programme_title(code: str) -> Any:
    """What money is set aside for: a programme, a kind of list, or (in older books) a code that has no title.

    What is only there to be divided has none yet.
    """
    if not code:
        return _("待下拨")
    known = PROGRAMMES.get(code) or KINDS.get(code)
    return known.title if known else code


def programme_in_reach(user: Any, code: str) -> Any:
    """The title of what a request names. Raises Http404 where nothing within reach was ever set aside for it."""
    if not code or not allocations_in_reach(user).filter(programme=code).exists():
        raise Http404
    return programme_title(code)


def title_of(allocation: Allocation) -> str:
    return f"{programme_title(allocation.programme)} · {allocation.unit.name} · {allocation.year}"


def earmark_words(fund: Fund) -> str:
    """Every earmark of a fund in one line; load `only_unit` with it where there are many."""
    said = []
    if fund.fiscal_level:
        said.append(_("%(level)s资金") % {"level": fund.get_fiscal_level_display()})
    if fund.programmes:
        titles = _("、").join(str(programme_title(code)) for code in fund.programmes)
        said.append(_("专款专用：%(what)s") % {"what": titles})
    else:
        said.append(_("各项帮扶都能用"))
    if fund.purposes:
        causes = _("、").join(catalogue.title(catalogue.CAUSES, code) for code in fund.purposes)
        said.append(_("只用于%(causes)s") % {"causes": causes})
    if fund.only_unit_id:
        said.append(_("只用在%(unit)s") % {"unit": fund.only_unit.name})
    said.append(_years_of(fund))
    return _("；").join(words for words in said if words)


def _years_of(fund: Fund) -> str:
    first, last = fund.first_year, fund.last_year
    if first and last:
        words = _("只用于 %(first)d 年") if first == last else _("用于 %(first)d 至 %(last)d 年")
        return words % {"first": first, "last": last}
    if first:
        return _("从 %(first)d 年起用") % {"first": first}
    return _("用到 %(last)d 年为止") % {"last": last} if last else ""
