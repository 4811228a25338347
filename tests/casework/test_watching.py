"""Health, numbers, logs and the page that says "later": enough for whoever runs the machine, and nobody in it."""

import errno
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.utils import ConnectionHandler
from django.test import Client, RequestFactory
from django.urls import reverse

from casework.embedded_postgres import Database
from casework.embedded_postgres.account import account_for
from casework.embedded_postgres.place import place_of
from casework.models import Case, CaseEvent
from casework.watching import health, logs, unavailable
from jobs import outbox
from jobs.models import Job, TimerRun
from jobs.worker import Worker
from tests.desks.test_township import login
from tests.owner import owner
from tests.world import World

NAME, PHONE, ID_NUMBER, ACCOUNT = "瞿秋实验者", "13912345678", "990101198001011234", "6222020000012345678"
CANARIES = (NAME, PHONE, ID_NUMBER, ACCOUNT)


@contextmanager
def written(formatter: logging.Formatter, level: int = logging.INFO) -> Iterator[io.StringIO]:
    """What the program's log would hold of the block."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root, requests = logging.getLogger(), logging.getLogger("casework.requests")
    before = root.level, requests.level
    root.addHandler(handler)
    root.setLevel(level)
    requests.setLevel(level)
    try:
        yield out
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        requests.setLevel(before[1])


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@contextmanager
def postgresql_raises(state: str, words: str = "") -> Iterator[None]:
    """Within the block PostgreSQL itself refuses each act with this SQLSTATE."""
    with owner(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION test_raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{words or 'could not extend file'}' USING ERRCODE = '{state}', DETAIL = '{words}'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER test_raise BEFORE INSERT ON casework_caseevent FOR EACH ROW EXECUTE FUNCTION test_raise()"
        )
    try:
        yield
    finally:
        with owner(), connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION test_raise() CASCADE")


def patient(staff: Any) -> Client:
    """A browser that is shown errors, as a real one is."""
    return login(Client(raise_request_exception=False), staff)


def decision(client: Client, case: Any) -> dict[str, str]:
    form = client.get(f"/township/review/{case.pk}/").context["form"]
    return {**form.initial, "decision": "approve"}


# ---------------------------------------------------------------- logs


def test_every_request_has_a_number_and_one_line_that_names_its_route(world: World) -> None:
    case = world.brought_to("township_decision")
    with written(logs.Json()) as out:
        answer = login(Client(), world.township_approver).get(f"/township/review/{case.pk}/")

    (line,) = [line for line in lines(out) if line["logger"] == "casework.requests"]
    assert line["request"] == answer["X-Request-ID"] and len(line["request"]) == 12
    assert (line["status"], line["method"], line["user"]) == (200, "GET", world.township_approver.pk)
    assert line["route"] == "township:review" and line["ms"] > 0
    assert f"/{case.pk}/" not in json.dumps(line), "an address leads to a family"


def test_a_number_that_comes_with_a_request_is_not_ours(client: Client, db: None) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": NAME})

    assert answer["X-Request-ID"] != NAME and answer["X-Request-ID"].isalnum()


@pytest.mark.parametrize("formatter", [logs.Json(), logs.Text()], ids=["json", "text"])
def test_nobody_stands_in_the_log_whatever_goes_wrong(
    world: World, settings: Any, formatter: logging.Formatter
) -> None:
    settings.AXES_ENABLED = True
    case = world.brought_to("township_decision")
    with written(formatter) as out:
        clerk = patient(world.township_approver)
        clerk.get("/township/find/", {"q": NAME})
        clerk.get(f"/{NAME}/{PHONE}/")
        clerk.get("/help/", {"q": ID_NUMBER + "\0"})
        clerk.post("/stock/", {"x": ACCOUNT})
        for password in (ACCOUNT, ID_NUMBER):
            Client().post("/login/", {"username": PHONE, "password": password})
        with postgresql_raises("XX000", f"{NAME} {ID_NUMBER} {ACCOUNT}"):
            failed = clerk.post(f"/township/review/{case.pk}/", decision(clerk, case))
        with transaction.atomic():
            outbox.put("case.acted", key=f"{NAME}:{PHONE}", payload={"name": NAME, "case": -1})
        Worker().drain()
        logging.getLogger("somebody.else").warning("could not parse %s", NAME)
        logging.getLogger("casework.x").warning("row %s", ID_NUMBER)
        try:
            raise ValueError(f"{NAME} {PHONE}")
        except ValueError:
            logging.getLogger("casework.x").exception("failed")

    assert failed.status_code == 500
    text = out.getvalue()
    assert "township:review" in text and failed["X-Request-ID"] in text and "ValueError" in text
    assert [word for word in CANARIES if word in text] == []
    assert "%E7" not in text, "nor quoted as an address"


def test_an_error_page_shows_the_number_that_stands_in_the_log(world: World) -> None:
    case = world.brought_to("township_decision")
    clerk = patient(world.township_approver)
    sent = decision(clerk, case)
    with written(logs.Json()) as out, postgresql_raises("XX000"):
        page = clerk.post(f"/township/review/{case.pk}/", sent)

    assert page.status_code == 500 and page["X-Request-ID"] in page.text
    (error,) = [line for line in lines(out) if line["level"] == "ERROR"]
    assert error["request"] == page["X-Request-ID"] and error["message"] == "500 township:review"
    assert error["error"] == "InternalError" and "acting.py" in "".join(error["at"])


# ---------------------------------------------------------------- later


@pytest.mark.parametrize(
    ("state", "words", "after"), [("53100", "磁盘满了", "60"), ("57P01", "数据库暂时连不上", "10")]
)
def test_what_passes_is_answered_with_later_and_done_once_afterwards(
    world: World, state: str, words: str, after: str
) -> None:
    case = world.brought_to("township_decision")
    clerk = patient(world.township_approver)
    sent = decision(clerk, case)
    before = CaseEvent.objects.count()

    with postgresql_raises(state):
        page = clerk.post(f"/township/review/{case.pk}/", sent)

    assert page.status_code == 503 and page["Retry-After"] == after
    assert words in page.text and "这一步没有存上" in page.text
    assert Case.objects.get(pk=case.pk).state == "township_decision" and CaseEvent.objects.count() == before
    for _twice in range(2):
        clerk.post(f"/township/review/{case.pk}/", sent)
    assert Case.objects.get(pk=case.pk).state != "township_decision"
    assert case.events.filter(action="approve").count() == 1


@pytest.mark.parametrize("header", [{"Accept": "application/json"}, {"HX-Request": "true"}])
def test_a_script_is_answered_in_its_own_words(world: World, header: dict[str, str]) -> None:
    case = world.brought_to("township_decision")
    clerk = patient(world.township_approver)
    sent = decision(clerk, case)

    with postgresql_raises("53100"):
        answer = clerk.post(f"/township/review/{case.pk}/", sent, headers=header)

    assert answer.status_code == 503 and answer["Retry-After"]
    if "Accept" in header:
        assert answer.json() == {
            "ok": False, "code": "disk", "message": "磁盘满了，现在存不进去", "saved": False, "request": answer["X-Request-ID"],
        }  # fmt: skip
    else:
        assert "磁盘满了" in answer.text and "<html" not in answer.text


def test_a_database_that_is_down_is_said_to_be_down(rf: RequestFactory, db: None) -> None:
    nowhere = ConnectionHandler({"default": connection.settings_dict | {"HOST": "/nonexistent"}})
    try:
        nowhere["default"].ensure_connection()
    except DatabaseError:
        page = unavailable.server_error(rf.get("/"))

    assert page.status_code == 503 and "数据库暂时连不上" in page.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", [{}, {"Accept": "application/json"}])
def test_whose_step_gave_way_to_anothers_is_told_to_send_it_again(
    rf: RequestFactory, transactional_db: None, header: dict[str, str]
) -> None:
    """Two hold a lock each and want the other's; PostgreSQL ends one of them."""
    both, pages = threading.Barrier(2), []

    def hold(first: int, second: int) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(20261130, %s)", [first])
                both.wait(20)
                cursor.execute("SELECT pg_advisory_xact_lock(20261130, %s)", [second])
        except OperationalError:
            pages.append(unavailable.server_error(rf.get("/", headers=header)))
        finally:
            connection.close()

    threads = [threading.Thread(target=hold, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    (page,) = pages
    assert page.status_code == 503 and page["Retry-After"] == "1"
    assert "别人正好在办同一件事" in (json.loads(page.content)["message"] if header else page.content.decode())
    assert header or "马上再交一次" in page.content.decode()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), "disk"),
        (OSError(errno.EACCES, "no"), None),
        (IntegrityError("x"), None),
        (ValueError("x"), None),
        (None, None),
    ],
)
def test_errors_of_ours_are_not_taken_for_a_bad_moment(error: BaseException | None, code: str | None) -> None:
    assert unavailable.code_of(error) == code


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_for_uploads_is_said_to_be_full(world: World, settings: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
        if mounted.returncode != 0:
            pytest.skip("no disk can be mounted here")
        try:
            settings.MEDIA_ROOT = folder
            file = SimpleUploadedFile("a.csv", b"x" * 500_000, content_type="text/csv")
            page = patient(world.township_clerk).post("/imports/", {"kind": "register_import", "file": file})
        finally:
            subprocess.run(["umount", folder], check=True)

    assert page.status_code == 503 and "磁盘满了" in page.text
    assert not Job.objects.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.xdist_group("small_disk")
def test_postgresql_on_a_full_disk_says_what_we_take_for_one(db: None) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = place_of(settings.DATA_DIR)
        if str(place.socket_dir) != connection.settings_dict["HOST"]:
            pytest.skip("the server is not ours, or on another machine")
        owner = account_for(place.home)
        how = f"size=2m,uid={owner.uid},gid={owner.gid},mode=0700"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", how, "tmpfs", folder], capture_output=True).returncode != 0:
            pytest.skip("no disk can be mounted here")
        os.chmod(folder, 0o755)
        with closing(Database.of_django(connection.settings_dict).connect()) as there, there.cursor() as cursor:
            try:
                cursor.execute(f"CREATE TABLESPACE small_disk LOCATION '{folder}'")
                cursor.execute("CREATE TABLE on_small_disk (filler text) TABLESPACE small_disk")
                with pytest.raises(psycopg2.Error) as full:
                    cursor.execute(
                        "INSERT INTO on_small_disk SELECT repeat(md5(n::text), 50) FROM generate_series(1, 9999) n"
                    )
            finally:
                cursor.execute("DROP TABLE IF EXISTS on_small_disk")
                cursor.execute("CHECKPOINT")  # lets go of the file
                cursor.execute("DROP TABLESPACE IF EXISTS small_disk")
                subprocess.run(["umount", folder], check=True)

    assert full.value.pgcode == "53100" and unavailable.code_of(full.value) == "disk"


# ---------------------------------------------------------------- health


def ran(name: str, ago: str) -> None:
    TimerRun.objects.update_or_create(name=name, defaults={"every_seconds": 60})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_timerrun SET last_run_at = now() - %s::interval WHERE name = %s", [ago, name])


def test_alive_asks_no_database_not_even_who_is_there(client: Client) -> None:
    client.cookies["sessionid"] = "somebody's"

    assert client.get("/healthz", headers={"host": "10.0.0.7"}).content == b"ok"


def test_a_database_that_is_down_is_told_to_machines_in_their_words(client: Client, db: None) -> None:
    client.cookies["sessionid"] = "somebody's"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE NONE; ALTER TABLE jobs_timerrun RENAME TO gone")
        answer = client.get("/readyz")
        transaction.set_rollback(True)

    assert answer.status_code == 503 and answer.json() == {"ok": False, "code": "database"}


def test_a_machine_that_is_looked_after_is_well(client: Client, db: None) -> None:
    ran("archive", "10 seconds")
    ran("checkpoint", "1 minute")

    assert client.get("/readyz").json() == {"ok": True, "code": "ok"}


@pytest.mark.parametrize(("timer", "code"), [("archive", "worker"), ("checkpoint", "seal")])
def test_a_worker_that_is_silent_does_not_close_the_pages(client: Client, db: None, timer: str, code: str) -> None:
    ran("archive", "10 seconds")
    ran("checkpoint", "10 seconds")
    ran(timer, "1 hour")
    if timer == "archive":
        ran("checkpoint", "4 minutes")

    answer = client.get("/readyz")

    assert answer.status_code == 200 and answer.json() == {"ok": True, "code": code}


def test_a_full_disk_or_a_restore_that_was_not_finished_does(client: Client, db: None, settings: Any) -> None:
    settings.DISK_FREE_MB = 10**9
    assert client.get("/readyz").json() == {"ok": False, "code": "disk"}
    settings.DISK_FREE_MB = 0
    with tempfile.TemporaryDirectory() as folder:
        settings.DATA_DIR = Path(folder)
        (settings.DATA_DIR / "restored.json").write_text("{}")
        answer = client.get("/readyz")

    assert answer.status_code == 503 and answer.json() == {"ok": False, "code": "restored"}


def test_the_command_tells_what_strangers_are_not_told(db: None) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("health", "--json", stdout=out)

    said = json.loads(out.getvalue())
    assert said["code"] == "worker" and said["ready"] and said["checks"]["database"]["ok"]
    assert said["checks"]["disk"]["free_mb"] > 0
    assert set(said["checks"]) == {
        "database", "migrations", "worker", "seal", "clock", "work", "disk", "restored", "broker", "archive",
    }  # fmt: skip


def test_the_worst_comes_first() -> None:
    found = [health.Finding(code, False, {}) for code in ("work", "disk", "worker")]

    assert health.code_of(found) == ("disk", False)
    assert health.code_of([health.Finding("work", True, {})]) == ("ok", True)


# ---------------------------------------------------------------- numbers


def test_numbers_are_absent_to_strangers(client: Client, db: None, settings: Any) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a-token"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200
    settings.METRICS_TOKEN, settings.METRICS_FROM = "", ["127.0.0.1"]
    assert client.get("/metrics").status_code == 200


def test_numbers_count_by_route_and_tell_what_waits(
    world: World, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.METRICS_FROM = ["127.0.0.1"]
    case = world.brought_to("township_decision")
    login(Client(), world.township_approver).get(f"/township/review/{case.pk}/")
    Client().get(f"/nowhere/{NAME}/")

    with django_assert_num_queries(1):
        text = Client().get("/metrics").content.decode()

    assert 'casework_requests_total{method="GET",route="township:review",status="200"}' in text
    assert 'route="none",status="404"' in text and 'casework_request_seconds_bucket{le="0.1"' in text
    for name in ("outbox_open", "jobs_queued", "payments_unknown", "payments_frozen", "database_connections"):
        assert f"\ncasework_{name} " in text, name
    assert NAME not in text and f"/{case.pk}/" not in text


def test_the_processes_of_one_server_add_up(tmp_path: Path) -> None:
    code = "from casework.watching import metrics; metrics.count_request('home', 'GET', 200, 0.1)"
    there = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "casework.settings"}
    for _process in range(2):
        subprocess.run([sys.executable, "-c", code], env=there, check=True, cwd=Path(__file__).parents[2])
    code = (
        "from prometheus_client import CollectorRegistry, generate_latest, multiprocess; r = CollectorRegistry();"
        " multiprocess.MultiProcessCollector(r); print(generate_latest(r).decode())"
    )
    said = subprocess.run([sys.executable, "-c", code], env=there, check=True, capture_output=True, text=True).stdout

    assert reverse("home") == "/"
    assert 'casework_requests_total{method="GET",route="home",status="200"} 2.0' in said
