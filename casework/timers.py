"""What time brings about: notices that have run out, deadlines that have passed, posts that have ended, seals on the trail.

Every function may be run again at any moment: acts carry stable keys, alerts are unique, the rest looks before it writes.
"""

import datetime
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from access import services as access
from access import sessions
from audit import anchors, checkpoints, clock
from audit.models import Checkpoint
from casework.acting import TIMER_KEY, act
from casework.embedded_postgres import archive_things
from casework.errors import REFUSALS
from casework.models import Alert, Case, PublicNotice
from casework.relatives import flags
from families.models import HouseholdMember
from flows import calendar
from flows.errors import CalendarMissing
from flows.states import ROLE_SYSTEM
from jobs import outbox, timers

logger = logging.getLogger(__name__)

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
ESCALATE_AFTER_WORKING_DAYS = 3
LEVEL_TOLD, LEVEL_ESCALATED = 1, 2

# Whom an overdue case is reported to when the one whose turn it is has not moved: one administrative level up.
# The county has nobody above it in this system, so it ends with the person who confirms.
ONE_LEVEL_UP = {
    "village_clerk": "township_approver",
    "village_head": "township_approver",
    "resident_cadre": "township_approver",
    "township_clerk": "county_reviewer",
    "township_approver": "county_reviewer",
}
TOP_ROLE = "county_approver"


@timers.every(HOUR, "posts")
def end_posts() -> dict[str, Any]:
    """Take back permissions of posts and grants whose last day is over. Hourly, so that midnight is not missed."""
    return {"ended": access.sync_posts(), "forgotten": sessions.forget_old()}


@timers.every(10 * MINUTE, "notices")
def end_notices() -> dict[str, Any]:
    """Move on every case whose public notice has run its time without an objection."""
    return _end_notices(PublicNotice.Kind.VILLAGE, "village_notice", "end_notice")


@timers.every(10 * MINUTE, "exit_notices")
def end_exit_notices() -> dict[str, Any]:
    """Close every case whose exit notice has run its time."""
    return _end_notices(PublicNotice.Kind.EXIT, "exit_notice", "end_exit_notice")


def _end_notices(kind: str, state: str, action: str) -> dict[str, Any]:
    over = PublicNotice.objects.filter(
        kind=kind, ended_on__isnull=True, ends_on__lt=clock.today(), case__state=state
    ).order_by("ends_on", "id")
    return _each(
        over.values_list("case_id", "id"),
        lambda case_id, notice_id: act(case_id, action, by=None, key=f"{TIMER_KEY}notice:{notice_id}:{action}"),
    )


@timers.every(HOUR, "relatives")
def find_relatives() -> dict[str, Any]:
    """Flag open cases into whose family a close relative of somebody who works here came by an import or a move."""
    return {"flagged": flags.raise_everywhere()}


@timers.every(HOUR, "help_in_parts")
def end_help_in_parts() -> dict[str, Any]:
    """Stop what is paid in parts when the person has died or belongs to no household any more. Suspending is for people."""
    return _end_help_in_parts(Q())


@outbox.handles("person.gone")
def end_help_of_a_person(payload: dict[str, Any], outbox_id: int) -> None:
    """Somebody wrote down a death or a move: what is paid to this person in parts ends now, not within the hour."""
    _end_help_in_parts(Q(beneficiary=payload["person"]))


def _end_help_in_parts(whose: Q) -> dict[str, Any]:
    living = HouseholdMember.objects.filter(
        person_id=OuterRef("beneficiary_id"), household_id=OuterRef("household_id"), valid_to__isnull=True
    )
    over = Case.objects.filter(
        whose,
        Q(beneficiary__died_on__isnull=False) | ~Exists(living),
        state__in=("between_payments", "suspended"),
        is_open=True,
    ).order_by("pk")
    return _each(
        over.values_list("pk", "acts"),
        lambda case_id, acts: act(case_id, "end_payments", by=None, key=f"{TIMER_KEY}end_payments:{case_id}:{acts}"),
    )


@timers.every(15 * MINUTE, "deadlines")
def raise_alerts() -> dict[str, Any]:
    """Tell the one whose turn it is that her deadline has passed, and three working days later one level up."""
    today = clock.today()
    told = _tell_whose_turn_it_is(today)
    escalated = _each(_to_escalate(), lambda alert_id, _case_id: _escalate(alert_id, today))
    return {"told": told, "escalated": escalated["done"]}


def _tell_whose_turn_it_is(today: datetime.date) -> int:
    overdue = Case.objects.filter(~_has_open_alert("pk", LEVEL_TOLD), is_open=True, due_on__lt=today).order_by(
        "due_on", "id"
    )
    count = 0
    for case_id in list(overdue.values_list("id", flat=True)):
        with transaction.atomic():
            # Locked: an act that moves the case on at this moment settles the alert, or is seen here.
            case = Case.objects.select_for_update(no_key=True).get(pk=case_id)
            if case.is_open and case.due_on and case.due_on < today and not _open_alert(case, LEVEL_TOLD):
                count += _alert(case, LEVEL_TOLD, _human(case.turn_role), case.due_on, today)
    return count


def _to_escalate() -> Iterable[tuple[int, int]]:
    """(alert, case) of open first alerts that have no second one."""
    return (
        Alert.objects.filter(~_has_open_alert("case_id", LEVEL_ESCALATED), level=LEVEL_TOLD, settled_on__isnull=True)
        .order_by("id")
        .values_list("id", "case_id")
    )


def _has_open_alert(case: str, level: int) -> Exists:
    """One and the same alert is of this level and open; exclude() over the relation would take two different ones."""
    return Exists(Alert.objects.filter(case_id=OuterRef(case), level=level, settled_on__isnull=True))


def _escalate(alert_id: int, today: datetime.date) -> bool:
    with transaction.atomic():
        told = Alert.objects.select_related("case").get(pk=alert_id)
        case = Case.objects.select_for_update(no_key=True).get(pk=told.case_id)
        told.refresh_from_db()
        if told.settled_on is not None or _open_alert(case, LEVEL_ESCALATED):
            return False
        # Money that went out without its papers bars the whole township from the fast path: nobody waits with that.
        if case.state != "makeup" and -calendar.working_days_left(today, told.raised_on) < ESCALATE_AFTER_WORKING_DAYS:
            return False
        return _alert(case, LEVEL_ESCALATED, ONE_LEVEL_UP.get(told.role, TOP_ROLE), told.due_on, today)


def _human(role: str) -> str:
    """A step of the system that is late is looked after by the township."""
    return "township_clerk" if role == ROLE_SYSTEM else role


def _open_alert(case: Case, level: int) -> bool:
    return case.alerts.filter(level=level, settled_on__isnull=True).exists()


def _alert(case: Case, level: int, role: str, due_on: datetime.date, today: datetime.date) -> bool:
    _row, is_new = Alert.objects.get_or_create(
        case=case, act=case.acts, level=level, defaults={"role": role, "due_on": due_on, "raised_on": today}
    )
    return is_new


@outbox.handles("case.acted")
@transaction.atomic
def settle_alerts(payload: dict[str, Any], outbox_id: int) -> None:
    """A case has moved on: its alerts are settled when the deadline they were about is no longer the case's.

    An act that leaves the deadline where it is (a note, a second visit to the form) settles nothing.
    """
    case = Case.objects.select_for_update(no_key=True).get(pk=payload["case"])
    alerts = case.alerts.filter(settled_on__isnull=True, act__lt=case.acts)
    if case.is_open and case.due_on is not None:
        alerts = alerts.exclude(due_on=F("case__due_on"))
    for alert in alerts:
        alert.settled_on = clock.today()
        alert.save()


@timers.every(MINUTE, "archive")
def keep_files() -> dict[str, Any]:
    """Copy new files and keys to the archive of the embedded database, where there is one. Also the worker's sign of life."""
    copied = archive_things(settings.DATA_DIR)
    return {} if copied is None else {"copied": copied}


@timers.every(5, "checkpoint")
def seal_the_trail() -> dict[str, Any]:
    """Put a signed seal on everything that was written since the last one: seconds after it was."""
    return _sealed(checkpoints.seal_all())


@timers.every(DAY, "checkpoint_all")
def seal_what_was_overlooked() -> dict[str, Any]:
    """Look once a day at all entries, not at the newest alone, whether one has no leaf."""
    return _sealed(checkpoints.seal_all(everything=True))


@timers.every(DAY, "anchor")
def send_the_anchor() -> dict[str, Any]:
    """Take the day's seal out of the house, where a folder or a mailbox is set for it."""
    if not settings.ANCHOR_DIR and not settings.ANCHOR_MAIL:
        return {"sent": False}
    sent = anchors.publish()
    return {"sent": True, "line": sent.line}


def _sealed(done: tuple[int, Checkpoint | None]) -> dict[str, Any]:
    entries, checkpoint = done
    return {"entries": entries, "fingerprint": checkpoint.fingerprint} if checkpoint else {"entries": 0}


def _each(rows: Iterable[tuple[int, int]], function: Callable[[int, int], Any]) -> dict[str, Any]:
    """Do it for each row; one that is refused does not stop the others.

    A refusal is ordinary (somebody was quicker) and only counted. A calendar that nobody has loaded is raised at the end,
    so that readiness shows it until somebody loads it.
    """
    done = refused = 0
    missing: CalendarMissing | None = None
    for first, second in list(rows):
        try:
            done += bool(function(first, second))
        except CalendarMissing as error:
            missing = error
        except REFUSALS as refusal:
            refused += 1
            logger.info("timer: %s refused for row %s", type(refusal).__name__, first)
    if missing is not None:
        raise missing
    return {"done": done, "refused": refused}
