"""Cash goes out through two persons' hands, of a case as of a list: who may be the second, and never the village alone."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access.models import Staff
from access.scope import Bar, post_for, posts_of
from audit import clock
from casework.errors import BadCaseData, Recused
from casework.recusal import is_close, persons_of
from flows.programmes.parts import HANDS_OUT_CASH

COMMITTEE = frozenset({"village_head", "village_clerk"})  # posts of the village committee
HANDS_OUT = HANDS_OUT_CASH


def second_persons(placed: Any, by: Any) -> QuerySet[Staff]:
    """Who may hand out cash there beside `by`: whose post of today hands out cash there, as another natural person."""
    today = clock.today()
    return (
        Staff.objects.filter(
            Q(appointments__valid_to__isnull=True) | Q(appointments__valid_to__gte=today),
            appointments__role__in=HANDS_OUT,
            appointments__unit__in=[placed.village_id, placed.township_id, placed.county_id],
            appointments__valid_from__lte=today,
            is_active=True,
        )
        .exclude(person_key=by.person_key)
        .distinct()
        .order_by("name", "pk")
    )


def refuse_the_close(household_id: int, *payers: Staff) -> None:
    """Raises Recused, naming who of them is of the family."""
    for person in payers:
        if is_close(household_id, persons_of(person)):
            raise Recused(_("%(name)s 是这家的近亲属，按规定要回避，请换一个人一起发。") % {"name": person.name})


def demand_two(placed: Any, household_id: int, *, by: Any, second: Staff) -> None:
    """The second is in office for the place, neither is of the family, and one of the two is of no village committee
    (domain §4.3 rule 12).

    Raises BadCaseData, Recused.
    """
    refuse_the_close(household_id, by, second)
    if isinstance(post_for(second, HANDS_OUT, placed), Bar):
        raise BadCaseData(_("%(name)s 今天没有在这里发钱的岗位，请选管这里的人一起发。") % {"name": second.name})
    if all(any(post.role in COMMITTEE for post in posts_of(person)) for person in (by, second)):
        raise BadCaseData(_("发现金的两个人里，要有一个不是村委会的。请换一个人一起发。"))
