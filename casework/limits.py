"""What one person may get in a year, of all programmes together: the rules of the programme that decides now."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from access import reach
from casework.errors import OverTheLimit
from casework.models import Case, Roster, RosterLine
from flows.programmes import PROGRAMMES
from funds.models import Reservation
from funds.money import yuan


def key_of(case: Case) -> str:
    """Whom the help is for, as reservations keep it."""
    return key_of_person(case.beneficiary_id, case.beneficiary.person_key)


def key_of_person(person_id: int, person_key: str | None) -> str:
    """As reservations keep a person, with or without an ID number. SQL says the same: KEY_OF_PERSON."""
    return person_key or f"person:{person_id}"


KEY_OF_PERSON = "coalesce(p.person_key, 'person:' || p.id)"  # of families_person p
# What person p was decided to get in %(year)s and has not been given back; a provider is paid for a list as a whole, so
# there the lines tell.
HELPED_FEN = f"""(
  SELECT coalesce(sum(x.amount_fen - x.released_fen), 0) FROM funds_reservation x
  WHERE x.person_key = {KEY_OF_PERSON} AND extract(year FROM x.reserved_on) = %(year)s
) + (
  SELECT coalesce(sum(x.amount_fen), 0) FROM casework_rosterline x JOIN casework_roster q ON q.id = x.roster_id
  WHERE x.person_id = p.id AND x.state = 'on' AND q.state = 'approved' AND q.channel = 'provider'
    AND extract(year FROM q.approved_on) = %(year)s
)"""


def once_key(case: Case, today: datetime.date) -> str | None:
    """What may be decided once only, where the rules say so (domain §3.1: same applicant, same cause, once a year)."""
    if not case.rules.once_a_year:
        return None
    return f"{key_of(case)}:{case.programme}:{case.cause}:{today.year}"


@reach.beyond()
def helped(person_keys: Iterable[str], year: int) -> dict[str, dict[str, int]]:
    """{person: {programme or kind of list: fen decided for this person in the year and not given back}}, two queries for
    all: what is reserved for a person, and what a provider is paid for the lines of a list."""
    keys = set(person_keys)
    reserved = (
        Reservation.objects.filter(person_key__in=keys, reserved_on__year=year)
        .values_list("person_key", "programme")
        .annotate(fen=Sum(F("amount_fen") - F("released_fen")))
    )
    ids = [int(key.removeprefix("person:")) for key in keys if key.startswith("person:")]
    lines = RosterLine.objects.filter(
        Q(person__person_key__in=keys) | Q(person_id__in=ids, person__person_key__isnull=True),
        state=RosterLine.State.ON,
        roster__state=Roster.State.APPROVED,
        roster__channel=Roster.Channel.PROVIDER,
        roster__approved_on__year=year,
    )
    for_them = (
        lines.order_by().values_list("person_id", "person__person_key", "roster__kind").annotate(fen=Sum("amount_fen"))
    )
    found: dict[str, dict[str, int]] = {}
    for person, programme, fen in (
        *reserved,
        *((key_of_person(pk, key), kind, fen) for pk, key, kind, fen in for_them),
    ):
        if fen:
            sums = found.setdefault(person, {})
            sums[programme] = sums.get(programme, 0) + fen
    return found


def helped_this_year(person_key: str, year: int) -> dict[str, int]:
    """{programme: fen} for one person, see `helped`."""
    return helped([person_key], year).get(person_key, {})


_WAIT = "SELECT pg_advisory_xact_lock{}(hashtextextended(%s, 20261128))"


def _lists_of(placed: Any) -> str:
    return f"lists:{placed.county_id}"


def wait_for_cases(roster: Roster) -> None:
    """Until this decision is done nothing with a limit is decided in the county: a list is too long to wait for each of its
    persons, as cases do."""
    with connection.cursor() as cursor:
        cursor.execute(_WAIT.format(""), [_lists_of(roster)])


def demand_within(case: Case, today: datetime.date) -> None:
    """Raises OverTheLimit when this decision would pass the person's limit of the year, or go with a programme that
    excludes it. Two decisions for one person wait for each other, and for the lists of the county."""
    rules: Any = case.rules
    if not (rules.person_year_cap_fen or rules.not_together_with):
        return
    person = key_of(case)
    with connection.cursor() as cursor:
        cursor.execute(_WAIT.format("_shared"), [_lists_of(case)])
        cursor.execute(_WAIT.format(""), [person])
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
