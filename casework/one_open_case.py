"""One person has one open case of a programme, wherever she lives now and whoever sees the other one."""

from typing import Any

from django.utils.translation import gettext as _

from access import reach
from access.roles import Ability
from access.scope import scope
from casework.errors import BadCaseData
from casework.models import Case
from families.models import Person

CONSTRAINT = "one_open_case_a_programme"


@reach.beyond()  # a case that stayed behind in another village counts; its number is told to those alone who may see it
def refuse_another(programme: str, person: Person, *, by: Any) -> None:
    """Raises BadCaseData while a case of the programme is open for the person. `by` None is nobody who sees any."""
    other = Case.objects.filter(programme=programme, beneficiary=person, is_open=True).first()
    if other is None:
        return
    if by is None or not scope(by, Ability.CASE_VIEW).covers(other):
        raise another_is_open()
    raise BadCaseData(
        _("%(name)s 已有一件没办完的同类帮扶（%(no)s），请接着办那一件。") % {"name": person.name, "no": other.case_no}
    )


def another_is_open() -> BadCaseData:
    """What is said of a case that she may not see, and to whoever was second at the very same moment."""
    return BadCaseData(
        _("这个人在别处已有一件没办完的同类帮扶，不能再办一件。请乡镇或县里核对是哪一件，接着办那一件。")
    )
