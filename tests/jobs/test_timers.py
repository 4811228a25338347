"""Timers run when they are due, once for all workers; one that fails is shown and stops no other."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from jobs import health, timers
from jobs.models import TimerRun
from jobs.worker import Worker

ran: list[str] = []


@pytest.fixture(autouse=True)
def only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    ran.clear()
    monkeypatch.setattr(timers, "_timers", {})

    @timers.every(60, "broken")
    def broken() -> None:
        ran.append("broken")
        raise ValueError("第一行\n第二行")

    @timers.every(60, "sound")
    def sound() -> dict:
        ran.append("sound")
        return {"count": 3}


def long_ago(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_timerrun SET last_run_at = now() - interval '61 seconds' WHERE name = %s", [name])


def test_a_timer_runs_when_it_is_due_and_not_before(db: None) -> None:
    worker = Worker()
    worker.turn_timers()
    worker.turn_timers()
    assert ran == ["broken", "sound"]

    long_ago("sound")
    worker.turn_timers()
    assert ran == ["broken", "sound", "sound"]


def test_a_timer_of_every_few_seconds_does_not_wait_for_the_others(db: None) -> None:
    @timers.every(5, "quick")
    def quick() -> None:
        ran.append("quick")

    worker = Worker()
    worker.turn_quick_timers()
    assert ran == ["quick"]
    worker.turn_timers()

    assert ran == ["quick", "broken", "sound"] and timers.names() == ["broken", "sound", "quick"]


def test_what_a_timer_says_and_why_it_failed_is_kept(db: None) -> None:
    Worker().turn_timers()

    assert timers.run_of("sound").result == {"count": 3}
    assert timers.run_of("broken").error == "ValueError: 第一行"
    assert [(one.kind, one.name) for one in health.troubles()] == [("failing", "broken")]


def test_a_timer_that_another_worker_runs_is_left_alone_until_its_lease_is_over(db: None) -> None:
    assert timers.claim("sound")
    assert not timers.claim("sound")
    TimerRun.objects.update(leased_until="2020-01-01T00:00Z")
    assert timers.claim("sound")


def test_a_timer_that_nobody_runs_any_more_is_shown(db: None) -> None:
    timers.claim("sound")
    timers.run("sound")
    TimerRun.objects.update(last_run_at="2020-01-01T00:00Z")

    assert [(one.kind, one.name) for one in health.troubles()] == [("late", "sound")]


def test_tick_runs_all_of_them_now_and_fails_when_one_fails(db: None) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("tick", "--json", stdout=out)

    said = json.loads(out.getvalue())
    assert ended.value.code == 1 and ran == ["broken", "sound"]
    assert [(timer["name"], timer["error"]) for timer in said["timers"]] == [
        ("broken", "ValueError: 第一行"),
        ("sound", ""),
    ]
    assert said["delivered"] == 0


def test_a_timer_runs_on_after_the_machines_clock_was_set_back(db: None) -> None:
    timers.claim("sound")
    timers.run("sound")
    TimerRun.objects.update(last_run_at="2090-01-01T00:00Z")
    assert timers.claim("sound")

    TimerRun.objects.update(last_run_at=None, leased_until="2090-01-01T00:00Z")
    assert timers.claim("sound")
    assert not timers.claim("sound")
