"""A post as it was, and the other posts that the same person held then, own and lent."""

from typing import Any

from django.utils.translation import gettext as _

from access.models import Appointment, Delegation, OrgUnit
from access.roles import Ability, title_of
from access.scope import scope
from audit import clock
from casework.days import full_day
from casework.desks.history import moments
from casework.desks.history.chained import Chained
from casework.desks.history.moments import Until
from casework.desks.history.pictures import Picture, version_at
from casework.desks.history.readers import Names, Reader, facts_of

STANDING = (
    *("staff", "role", "unit", "valid_from", "valid_to", "appointed_by", "reason", "confirmed_on", "confirmed_how"),
    *("confirmed_by", "dropped_on"),
)


def streams_of(post: Appointment) -> list[str]:
    return [f"staff:{post.staff_id}"]


def picture(reader: Reader, until: Until | None) -> Picture:
    """The post by then, and what its holder held. Posts are in force by their dates, once somebody has confirmed them."""
    post: Appointment = reader.record
    version, unknown = version_at(Appointment, post.pk, until)
    found = Picture(unknown=unknown, version=version)
    if version is None:
        return found
    chained = Chained(streams_of(post), until)
    day = moments.local_day(until) if until is not None else clock.today()
    held = [row for row in chained.newest(Appointment) if _in_force(row, day)]
    lent = [row for row in chained.newest(Delegation) if _in_force(row, day) and row.ended_at is None]
    posts = {row.pk: row for row in Appointment.objects.filter(pk__in=[row.appointment_id for row in lent])}
    here = _within_reach(reader, {row.unit_id for row in [*held, *posts.values()]})
    elsewhere = len([row for row in held if row.unit_id not in here])
    held = [row for row in held if row.unit_id in here]
    lent = [row for row in lent if posts[row.appointment_id].unit_id in here]
    names = Names.of(version, *held, *lent, *posts.values())
    found.add(_("任职"), facts_of(version, reader, names, STANDING))
    found.add(_("那时在任的岗位"), [_line(row, names) for row in held], _("那时没有在任的岗位。"))
    found.add(_("那时代办的岗位"), [_line(posts[row.appointment_id], names, row) for row in lent], _("没有代别人办。"))
    if elsewhere:
        found.unknown.append(_("还有在别处的岗位，不在你的范围，这里不列。"))
    return found


def _within_reach(reader: Reader, units: set[int]) -> set[int]:
    """Those of the units that the reader audits or administers."""
    rows = OrgUnit.objects.filter(pk__in=units)
    found = set()
    for ability in (Ability.AUDIT_READ, Ability.STAFF_MANAGE):
        found |= set(scope(reader.user, ability).filter(rows).values_list("pk", flat=True))
    return found


def _in_force(row: Any, day: Any) -> bool:
    confirmed = row.confirmed_on is not None and row.confirmed_on <= day
    return confirmed and row.valid_from <= day and (row.valid_to is None or row.valid_to >= day)


def _line(row: Any, names: Names, lent: Any = None) -> dict[str, Any]:
    dates = lent or row
    since = _("%(day)s 起") % {"day": full_day(dates.valid_from)}
    until = _("到 %(day)s") % {"day": full_day(dates.valid_to)} if dates.valid_to else ""
    return {
        "label": title_of(row.role),
        "value": names.units.get(row.unit_id, "—"),
        "note": " ".join(filter(None, (since, until))),
    }
