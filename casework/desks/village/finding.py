"""Finding a family before anything is written down about it, so that nobody is registered twice."""

from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from casework.models import Case
from casework.queries import cases_in_reach, households_in_reach
from families.folding import fold, search_pattern
from families.models import Household, HouseholdMember

TAIL = 4  # digits of an ID number that one may search by


def find_families(user: Any, asked: str) -> QuerySet[Household]:
    """Families in reach by head or member (characters, pinyin, initials), household number tail, group, ID tail.

    Without a question: the registered hardship families, by group.
    """
    rows = households_in_reach(user).select_related("group")
    folded = fold(asked)
    if not folded:
        return rows.filter(is_hardship=True).order_by("group__code", "household_no")
    pattern = search_pattern(asked)
    members = HouseholdMember.objects.filter(household__in=rows.order_by().values("pk"), valid_to__isnull=True)
    condition = Q(search__like=pattern) | Q(
        pk__in=members.filter(person__name_search__like=pattern).values("household_id")
    )
    if folded.isdigit() or (len(folded) == TAIL and folded[:-1].isdigit()):
        condition |= Q(household_no__endswith=folded)
        if len(folded) == TAIL:
            condition |= Q(pk__in=members.filter(person__id_last4__iexact=folded).values("household_id"))
    else:
        condition |= Q(group__name__icontains=folded) | Q(head_name__icontains=asked)
    return rows.filter(condition).order_by("household_no")


def hits_of(families: list[Household], user: Any) -> list[dict[str, Any]]:
    """Cells with what tells one family from another of the same name, and its open cases; two queries for a page."""
    ids = [family.pk for family in families]
    sizes = dict(
        HouseholdMember.objects.filter(household_id__in=ids, valid_to__isnull=True)
        .values_list("household_id")
        .annotate(n=Count("pk"))
    )
    busy: dict[int, list[Case]] = {}
    for case in cases_in_reach(user).filter(household_id__in=ids, is_open=True).annotate(home=F("household_id")):
        busy.setdefault(case.household_id, []).append(case)
    names = [family.head_name for family in families]
    return [
        {
            "url": reverse("cases:family", args=[family.pk]),
            "title": family.head_name,
            "about": family.group.name,
            "text": _("%(n)d 口人，户号尾 %(tail)s") % {"n": sizes.get(family.pk, 0), "tail": family.household_no[-4:]},
            "pill": _("在办 %(n)d 件") % {"n": len(busy[family.pk])} if family.pk in busy else "",
            "same_name": names.count(family.head_name) > 1,
        }
        for family in families
    ]
