"""Real workers in real processes: killed, stopped, two at once; nothing is lost and nothing is done twice."""

import signal
from pathlib import Path

import pytest
from django.db import connection, transaction

from jobs import outbox
from jobs.models import Job, Outbox
from tests.jobs.processes import effects, kill, make_effects_table, wait_for, worker, workers_seen
from tests.owner import owner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def table() -> None:
    make_effects_table()


def promise(count: int, **payload) -> list[int]:
    with transaction.atomic():
        for n in range(count):
            outbox.put("stage.effect", key=f"p{n}", payload=payload)
    return list(Outbox.objects.order_by("id").values_list("id", flat=True))


def all_done() -> bool:
    return not Outbox.objects.filter(done_at__isnull=True).exists()


def test_kill_9_in_the_middle_of_a_handler_loses_and_doubles_nothing(tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    ids = promise(5, mark=str(mark), go=str(go))
    with worker() as first:
        wait_for(mark.exists, what="the handler's middle")
        kill(first)
    assert not any(effects()) and not all_done()  # the timer's own row is a 0

    go.touch()
    with worker():
        wait_for(all_done, what="delivery of all")

    assert sorted(row for row in effects() if row) == ids
    assert Outbox.objects.get(pk=ids[0]).attempts == 2


def test_two_workers_at_once_do_everything_once() -> None:
    ids = promise(60, seconds=0.02)
    with worker(), worker():
        wait_for(all_done, what="delivery of all")

    assert sorted(row for row in effects() if row) == ids
    assert workers_seen() == 2
    assert effects().count(0) == 1  # the timer, once for both


def test_a_stopped_worker_finishes_what_it_has_in_hand_and_gives_back_the_rest(tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    ids = promise(5, mark=str(mark), go=str(go))
    with worker() as only:
        wait_for(mark.exists)
        only.send_signal(signal.SIGTERM)
        go.touch()
        assert only.wait(timeout=20) == 0

    assert [row for row in effects() if row] == ids[:1]
    left = Outbox.objects.filter(done_at__isnull=True)
    assert left.count() == 4 and not left.filter(leased_until__isnull=False).exists()


def test_a_worker_outlives_the_loss_of_its_database_connection() -> None:
    with worker():
        promise(1)
        wait_for(all_done)
        with owner(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with transaction.atomic():
            outbox.put("stage.effect", key="afterwards")
        wait_for(all_done)

    assert len([row for row in effects() if row]) == 2


def test_a_job_whose_worker_was_killed_begins_anew_without_its_half_done_work(tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    job = Job.objects.create(kind="stage.job", title="长活", params={"mark": str(mark), "go": str(go)})
    with worker() as first:
        wait_for(mark.exists)
        wait_for(lambda: Job.objects.get(pk=job.pk).step == "第 1 步", what="progress that other processes see")
        assert Job.objects.get(pk=job.pk).state == "running"
        kill(first)
    assert [row for row in effects() if row < 0] == []

    go.touch()
    with worker():
        wait_for(lambda: Job.objects.get(pk=job.pk).state == "done", what="the second run")

    job.refresh_from_db()
    assert job.attempts == 2 and job.result == {"steps": 3} and (job.done_units, job.total_units) == (3, 3)
    assert [row for row in effects() if row < 0] == [-1, -2]


def test_a_stopped_worker_puts_its_job_back(tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    job = Job.objects.create(kind="stage.job", title="长活", params={"mark": str(mark), "go": str(go), "seconds": 0.3})
    with worker() as only:
        wait_for(mark.exists)
        only.send_signal(signal.SIGTERM)
        go.touch()
        assert only.wait(timeout=20) == 0

    job.refresh_from_db()
    assert (job.state, job.attempts, job.leased_until) == ("queued", 0, None)
    assert [row for row in effects() if row < 0] == []
