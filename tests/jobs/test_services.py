"""Against a PostgreSQL server and a RabbitMQ broker that really run: `make test-services`.

DATABASE_URL and CELERY_BROKER_URL name them (by default the standard local ports). Without them these tests fail and say so.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from amqp.exceptions import NotFound
from django.db import ProgrammingError, connection, transaction
from kombu import Connection
from kombu.exceptions import OperationalError

from audit.verify import verify
from jobs import outbox
from jobs.models import Job, Outbox
from tests.audit.attack import run
from tests.jobs.processes import effects, environment, kill, make_effects_table, process, wait_for, worker, workers_seen
from tests.world import World

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

BROKER = os.environ.get("CELERY_BROKER_URL") or "amqp://guest:guest@127.0.0.1:5672//"


@pytest.fixture(scope="module")
def broker() -> str:
    try:
        with Connection(BROKER, connect_timeout=3) as link:
            link.ensure_connection(max_retries=1, timeout=5)
    except (OperationalError, OSError) as error:
        pytest.fail(
            f"No broker answers at {Connection(BROKER).as_uri()} ({type(error).__name__}). "
            "Start RabbitMQ, or set CELERY_BROKER_URL.",
            pytrace=False,
        )
    return BROKER


@pytest.fixture
def env(broker: str) -> Iterator[dict[str, str]]:
    """A queue of its own, gone afterwards; what is published and not done is offered again after two seconds."""
    make_effects_table()
    queue = f"casework-test-{uuid.uuid4().hex[:8]}"
    yield environment(CELERY_BROKER_URL=broker, CASEWORK_QUEUE=queue, CASEWORK_OUTBOX_LEASE_SECONDS="2")
    with Connection(broker) as link:
        link.default_channel.queue_delete(queue)


@contextmanager
def celery(env: dict[str, str]) -> Iterator:
    # fmt: off
    with process("celery", "-A", "tests.jobs.stage", "worker", "--pool=prefork", "--concurrency=2", "--loglevel=ERROR",
                 "--without-gossip", "--without-mingle", "--without-heartbeat", env=env) as started:
        # fmt: on
        yield started


def promise(count: int, **payload) -> list[int]:
    with transaction.atomic():
        for n in range(count):
            outbox.put("stage.effect", key=f"p{n}", payload=payload)
    return list(Outbox.objects.order_by("id").values_list("id", flat=True))


def waiting_in(env: dict[str, str]) -> int:
    """How many messages the test's queue holds; 0 when nobody has made it yet."""
    try:
        with Connection(env["CELERY_BROKER_URL"]) as link:
            return link.default_channel.queue_declare(env["CASEWORK_QUEUE"], passive=True).message_count
    except NotFound:
        return 0


def all_done() -> bool:
    return not Outbox.objects.filter(done_at__isnull=True).exists()


def test_the_server_is_new_enough_and_commits_durably() -> None:
    assert connection.pg_version >= 150000
    assert run("SHOW fsync") == [("on",)] and run("SHOW synchronous_commit") == [("on",)]


def test_what_is_promised_reaches_celery_workers_and_is_done_once(env: dict[str, str]) -> None:
    ids = promise(30, seconds=0.01)
    with celery(env), worker(env):
        wait_for(all_done, seconds=60, what="delivery through the broker")

    assert sorted(row for row in effects() if row) == ids


def test_kill_9_of_a_celery_worker_loses_and_doubles_nothing(env: dict[str, str], tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    ids = promise(6, mark=str(mark), go=str(go))
    with worker(env):
        with celery(env) as first:
            wait_for(mark.exists, seconds=60, what="the handler's middle")
            kill(first)
        assert [row for row in effects() if row] == [] and not all_done()

        go.touch()
        with celery(env):
            wait_for(all_done, seconds=90, what="delivery after the kill")

    assert sorted(row for row in effects() if row) == ids


def test_kill_9_of_the_publisher_loses_and_doubles_nothing(env: dict[str, str]) -> None:
    with worker(env) as first:
        ids = promise(40)
        wait_for(lambda: Outbox.objects.filter(attempts__gt=0).exists())
        kill(first)
    with celery(env), worker(env):
        wait_for(all_done, seconds=60, what="delivery after the kill")

    assert sorted(row for row in effects() if row) == ids


def test_messages_that_the_broker_lost_are_published_again(env: dict[str, str]) -> None:
    with worker(env):
        ids = promise(5)
        wait_for(lambda: waiting_in(env) >= 5, what="publication")
    with Connection(env["CELERY_BROKER_URL"]) as link:
        assert link.default_channel.queue_purge(env["CASEWORK_QUEUE"]) >= 5
    with celery(env), worker(env):
        wait_for(all_done, seconds=60, what="the second publication")

    assert sorted(row for row in effects() if row) == ids


def test_a_job_runs_on_a_celery_worker(env: dict[str, str]) -> None:
    job = Job.objects.create(kind="stage.job", title="长活")
    with celery(env), worker(env):
        wait_for(lambda: Job.objects.get(pk=job.pk).state == "done", seconds=60, what="the job")

    assert Job.objects.get(pk=job.pk).result == {"steps": 3}


def test_two_workers_without_a_broker_do_everything_once() -> None:
    make_effects_table()
    ids = promise(60, seconds=0.02)
    with worker(), worker():
        wait_for(all_done, what="delivery of all")

    assert sorted(row for row in effects() if row) == ids and workers_seen() == 2


def test_a_case_leaves_a_trail_that_nobody_can_change(world: World) -> None:
    case = world.brought_to("fund_reserved")

    assert verify().problems == []
    for statement in ("UPDATE audit_entry SET n = n", "DELETE FROM funds_transfer", "TRUNCATE casework_caseevent"):
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            run(statement)
    run("UPDATE casework_case SET summary = '改' WHERE id = %s", case.pk)
    assert case.history.latest("history_id").history_change_reason.startswith("bypassed the application")
    assert verify().problems == []
