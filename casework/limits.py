"""What one person may get in a year, of all programmes together: the rules of the programme that decides now."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from casework.errors import OverTheLimit
from casework.models import Case
from flows.programmes import PROGRAMMES
from funds.models import Reservation
from funds.money import yuan


def key_of(case: Case) -> str:
    """Whom the help is for, as reservations keep it; also for a person without an ID number."""
    return case.beneficiary.person_key or f"person:{case.beneficiary_id}"


def once_key(case: Case, today: datetime.date) -> str | None:
    """What may be decided once only, where the rules say so (domain §3.1: same applicant, same cause, once a year)."""
    if not case.rules.once_a_year:
        return None
    return f"{key_of(case)}:{case.programme}:{case.cause}:{today.year}"


def helped(person_keys: Iterable[str], year: int) -> dict[str, dict[str, int]]:
    """{person: {programme: fen decided for this person in the year and not given back}}, one query for all."""
    rows = (
        Reservation.objects.filter(person_key__in=set(person_keys), reserved_on__year=year)
        .values_list("person_key", "programme")
        .annotate(fen=Sum(F("amount_fen") - F("released_fen")))
    )
    found: dict[str, dict[str, int]] = {}
    for person, programme, fen in rows:
        if fen:
            found.setdefault(person, {})[programme] = fen
    return found


def helped_this_year(person_key: str, year: int) -> dict[str, int]:
    """{programme: fen} for one person, see `helped`."""
    return helped([person_key], year).get(person_key, {})


def demand_within(case: Case, today: datetime.date) -> None:
    """Raises OverTheLimit when this decision would pass the person's limit of the year, or go with a programme that
    excludes it. Two decisions for one person wait for each other."""
    rules: Any = case.rules
    if not (rules.person_year_cap_fen or rules.not_together_with):
        return
    person = key_of(case)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 20261128))", [person])
    helped = helped_this_year(person, today.year)
    others = [code for code in rules.not_together_with if code in helped]
    if others:
        raise OverTheLimit(
            _("%(name)s 今年已经有「%(what)s」，按规定不能同时再办这一项。")
            % {"name": case.beneficiary.name, "what": _("、").join(str(PROGRAMMES[code].title) for code in others)}
        )
    before_fen = sum(helped.values())
    if rules.person_year_cap_fen and before_fen + case.amount_fen > rules.person_year_cap_fen:
        raise OverTheLimit(
            _("%(name)s 今年已经批了 %(before)s 元，加上这一件会超过每人每年 %(cap)s 元的上限，请改金额。")
            % {
                "name": case.beneficiary.name,
                "before": yuan(before_fen),
                "cap": yuan(rules.person_year_cap_fen),
            }
        )
