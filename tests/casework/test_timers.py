"""What time brings about: notices that end, deadlines that pass and are reported, and that it happens once."""

import contextlib
import datetime
import json
from io import StringIO

import pytest
from django.core.management import call_command

from access import services as access
from audit import clock
from casework import payments
from casework import timers as casework_timers
from casework.models import Alert, Case
from flows import calendar
from flows.models import WorkingDay
from flows.programmes import PROGRAMMES
from funds import ledger
from funds.models import Payment
from jobs import health
from jobs.models import Outbox
from jobs.worker import Worker
from tests.audit.attack import settle
from tests.casework.test_whole_way import pay
from tests.owner import owner
from tests.world import START, World, case_now


def tick(on: datetime.date) -> dict[str, dict]:
    """A worker's round on a business date: {timer: {"result", "error"}}."""
    out = StringIO()
    with clock.frozen_at(on), contextlib.suppress(SystemExit):
        call_command("tick", "--json", stdout=out)
    return {timer["name"]: timer for timer in json.loads(out.getvalue())["timers"]}


def alerts(case: Case) -> list[tuple[int, str, bool]]:
    return [(a.level, a.role, a.settled_on is not None) for a in case.alerts.order_by("id")]


def test_a_notice_ends_the_day_after_its_last_day_and_only_once(world: World) -> None:
    case = world.brought_to("village_notice")
    last = case.notices.get().ends_on

    assert tick(last)["notices"]["result"] == {"done": 0, "refused": 0}
    assert case_now(case).state == "village_notice"
    assert tick(last + datetime.timedelta(days=1))["notices"]["result"] == {"done": 1, "refused": 0}
    assert tick(last + datetime.timedelta(days=1))["notices"]["result"] == {"done": 0, "refused": 0}

    event = case_now(case).events.latest("n")
    assert case_now(case).state == "township_review"
    assert (event.action, event.by, event.by_role) == ("end_notice", None, "system")


def test_a_notice_that_was_objected_to_does_not_end_by_itself(world: World) -> None:
    case = world.brought_to("village_notice")
    world.do(case, "object", None, reason="他家有小汽车")

    tick(START + datetime.timedelta(days=30))

    assert case_now(case).state == "objection"


def test_an_exit_notice_ends_and_the_case_is_closed(world: World) -> None:
    case = in_exit_notice(world)
    last = case.notices.get(kind="exit").ends_on

    tick(last)
    assert case_now(case).state == "exit_notice"
    tick(last + datetime.timedelta(days=1))
    assert case_now(case).state == "closed" and not case_now(case).is_open


def in_exit_notice(world: World) -> Case:
    """Some programmes publish the exit; take the first one that does."""
    programme = next(
        code for code, spec in PROGRAMMES.items() if spec.has_money and ("exit_notice", "end_exit_notice") in spec.table
    )
    case = world.brought_to("fund_reserved", programme)
    pay(world, case)
    payment = Payment.objects.get(subject=case.subject)
    payments.record_answers([payments.Answer(payment.pk, True)], by=world.cashier, key="answer")
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5})
    world.do(case, "propose_exit", "village_clerk", reason="好了")
    world.do(case, "approve_exit", "township_approver")
    assert case_now(case).state == "exit_notice"
    return case_now(case)


def test_a_passed_deadline_is_told_once_and_escalated_after_three_working_days(world: World) -> None:
    case = world.brought_to("township_review")
    due = case.due_on

    tick(due)
    assert alerts(case) == []
    tick(due + datetime.timedelta(days=1))
    tick(due + datetime.timedelta(days=1))
    assert alerts(case) == [(1, "township_clerk", False)]

    told = case.alerts.get().raised_on
    third = calendar.add(told, calendar.Period(3))
    tick(third - datetime.timedelta(days=1))
    assert alerts(case) == [(1, "township_clerk", False)]
    tick(third)
    tick(third)
    assert alerts(case) == [(1, "township_clerk", False), (2, "county_reviewer", False)]
    settle()
    assert case.alerts.first().history.get().history_change_reason != "bypassed the application"


def test_alerts_are_settled_when_the_case_moves_on(world: World) -> None:
    case = world.brought_to("township_review")
    late = case.due_on + datetime.timedelta(days=1)
    tick(late)
    with clock.frozen_at(late):
        world.do(case, "check", "township_clerk")
        assert alerts(case) == [(1, "township_clerk", False)]
        Worker().drain()

    assert alerts(case) == [(1, "township_clerk", True)]
    assert case.alerts.get().settled_on == late
    tick(late)
    assert len(alerts(case)) == 1


def test_a_case_that_is_late_a_second_time_is_escalated_a_second_time(world: World) -> None:
    case = world.brought_to("township_review")
    late = case.due_on + datetime.timedelta(days=20)
    tick(case.due_on + datetime.timedelta(days=1))
    tick(late)
    with clock.frozen_at(late):
        world.do(case, "check", "township_clerk")
        Worker().drain()
    assert alerts(case) == [(1, "township_clerk", True), (2, "county_reviewer", True)]

    tick(case_now(case).due_on + datetime.timedelta(days=1))
    tick(case_now(case).due_on + datetime.timedelta(days=20))

    assert alerts(case)[2:] == [(1, "township_approver", False), (2, "county_reviewer", False)]


def test_a_note_that_leaves_the_deadline_where_it_is_settles_nothing(world: World) -> None:
    case = world.brought_to("township_review")
    late = case.due_on + datetime.timedelta(days=1)
    tick(late)

    casework_timers.settle_alerts({"case": case.pk, "n": case.acts}, 0)
    Case.objects.filter(pk=case.pk).update(acts=case.acts + 1)  # an act that keeps the deadline
    casework_timers.settle_alerts({"case": case.pk, "n": case.acts + 1}, 0)
    tick(late)

    assert alerts(case) == [(1, "township_clerk", False)]


def test_an_overdue_make_up_is_escalated_at_once(world: World) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    account = case.household.accounts.get(is_active=True)
    world.do(
        case,
        "emergency_release",
        "township_approver",
        reason="房子塌了",
        data={"amount_fen": 100_000, "account_id": account.pk},
    )
    pay(world, case)
    payments.record_answers(
        [payments.Answer(Payment.objects.get(subject=case.subject).pk, True)], by=world.cashier, key="answer"
    )

    tick(case_now(case).makeup_due_on + datetime.timedelta(days=1))

    assert alerts(case) == [(1, "village_clerk", False), (2, "township_approver", False)]
    assert ledger.check().drift_fen == 0


def test_a_calendar_that_nobody_loaded_stops_no_other_timer_and_is_shown(world: World, client) -> None:
    waiting = world.brought_to("township_review")
    tick(waiting.due_on + datetime.timedelta(days=1))
    case = world.brought_to("village_notice")
    with owner():
        WorkingDay.objects.all().delete()
    calendar.forget()

    said = tick(waiting.due_on + datetime.timedelta(days=30))

    assert case_now(case).state == "village_notice"  # its next deadline cannot be counted: nothing is guessed
    assert said["notices"]["error"].startswith("CalendarMissing") and said["deadlines"]["error"]
    assert said["posts"]["error"] == said["checkpoint"]["error"] == ""
    assert ("failing", "notices") in {(one.kind, one.name) for one in health.troubles()}
    assert client.get("/readyz").json() == {"ok": True, "code": "work"}


def test_a_post_that_has_run_out_loses_its_permission(world: World) -> None:
    access.appoint(world.other_clerk, "village_head", world.other_village, by=None, valid_from=START, valid_to=START)
    assert world.other_clerk.has_perm("hold_village_head", world.other_village)

    assert tick(START)["posts"]["result"]["ended"] == 0
    assert tick(START + datetime.timedelta(days=1))["posts"]["result"]["ended"] == 1

    fresh = type(world.other_clerk).objects.get(pk=world.other_clerk.pk)
    assert not fresh.has_perm("hold_village_head", world.other_village)


@pytest.mark.django_db(transaction=True)
def test_every_act_is_answered_through_the_outbox(world: World) -> None:
    case = world.brought_to("township_review")
    acts = case.acts - 1  # opening a case is no act on it

    assert Outbox.objects.filter(topic="case.acted", done_at__isnull=True).count() == acts
    assert Worker().drain() == acts
    assert not Outbox.objects.filter(done_at__isnull=True).exists()
    assert Alert.objects.count() == 0
