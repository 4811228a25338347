"""What a statement may be asked of, by an address: fund:3, programme:education_grant, township:7, village:9; within reach."""

import datetime
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.models import OrgUnit
from access.roles import Ability
from audit import clock
from casework.desks.funds.earmarks import programme_in_reach, programme_title
from casework.desks.funds.reach import allocations_in_reach, funds_in_reach
from casework.http import day_of, row_number
from casework.reach import units_in
from funds import statements
from funds.statements import Scope

DIRECTION_WORDS = {"in": _l("增加"), "out": _l("减少"), "within": _l("内部移动")}


@dataclass(frozen=True)
class Asked:
    """A statement of some money over some days."""

    of: str
    title: str
    about: str
    scope: Scope
    first: datetime.date
    last: datetime.date

    def query(self, **more: Any) -> str:
        given = {"of": self.of, "from": self.first, "to": self.last} | more
        return urlencode({name: value for name, value in given.items() if value not in ("", None)})

    def url(self, **more: Any) -> str:
        return f"{reverse('funds:statement')}?{self.query(**more)}"

    def rows_url(self, **more: Any) -> str:
        return f"{reverse('funds:statement_rows')}?{self.query(**more)}"


def asked(user: Any, given: Any) -> Asked:
    """What a request asks for. Raises Http404 for what does not exist or lies out of reach."""
    of = given.get("of", "")
    kind, _colon, key = of.partition(":")
    found = _SCOPES.get(kind, _nothing)(user, key)
    if found is None:
        raise Http404
    title, about, scope = found
    return Asked(of, title, about, scope, *days_of(given))


def days_of(given: Any) -> tuple[datetime.date, datetime.date]:
    """The days asked for; this year up to today otherwise, and never the wrong way round."""
    today = clock.today()
    last = day_of(given.get("to", "")) or today
    first = day_of(given.get("from", "")) or last.replace(month=1, day=1)
    return (first, last) if first <= last else (last, first)


Found = tuple[str, str, Scope] | None


def _fund(user: Any, key: str) -> Found:
    fund = funds_in_reach(user).select_related("unit").filter(pk=row_number(key)).first()
    return fund and (fund.name, f"{fund.get_source_display()} · {fund.unit.name}", statements.of_funds([fund.pk]))


def _programme(user: Any, key: str) -> Found:
    title = str(programme_in_reach(user, key))
    rows = allocations_in_reach(user).filter(programme=key)
    return title, _("分给这一项帮扶的钱"), statements.of_allocations(rows.values("pk"))


def _place(level: str) -> Any:
    def find(user: Any, key: str) -> Found:
        reach = units_in(user, Ability.FUND_VIEW)
        if reach is None:
            return None
        unit = OrgUnit.objects.filter(reach, pk=row_number(key), level=level).first()
        return unit and (unit.name, _("批给这里的家庭、还没有付的钱"), statements.of_places(level, [unit.pk]))

    return find


def _nothing(user: Any, key: str) -> Found:
    return None


_SCOPES = {"fund": _fund, "programme": _programme, "township": _place("township"), "village": _place("village")}


def choices(user: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """[(heading, [(address, name)])] of everything that a statement may be asked of."""
    reach = units_in(user, Ability.FUND_VIEW)
    places = (
        OrgUnit.objects.filter(reach, level__in=("township", "village"))
        if reach is not None
        else OrgUnit.objects.none()
    )
    programmes = allocations_in_reach(user).exclude(programme="").order_by("programme")
    units = list(places.order_by("code").values_list("level", "pk", "name"))
    groups = [
        (
            _("资金"),
            [(f"fund:{pk}", name) for pk, name in funds_in_reach(user).order_by("code").values_list("pk", "name")],
        ),
        (
            _("帮扶"),
            [
                (f"programme:{code}", str(programme_title(code)))
                for code in programmes.values_list("programme", flat=True).distinct()
            ],
        ),
        (_("乡镇"), [(f"township:{pk}", name) for level, pk, name in units if level == "township"]),
        (_("村"), [(f"village:{pk}", name) for level, pk, name in units if level == "village"]),
    ]
    return [group for group in groups if group[1]]
