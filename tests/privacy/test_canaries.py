"""Canaries through the real product: pages, exports, errors, logs, tables, files, bundles, backups. None where it may not be."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from audit import anchors, bundle, checkpoints, leaves
from audit.context import Acting, request_of
from casework.watching import logs
from jobs import runner
from jobs.models import Job
from jobs.worker import Worker
from tests.audit.attack import run, settle
from tests.authorisation.asking import Matrix
from tests.authorisation.directly import directly
from tests.authorisation.oracle import YES, Rule, oracle
from tests.authorisation.places import CIRCUMSTANCES
from tests.authorisation.records import NOW
from tests.casework.test_watching import written
from tests.privacy import canaries
from tests.privacy.canaries import BESIDES, Seen, desk_of, sees, texts_in, whole_numbers

pytestmark = pytest.mark.django_db
ASKED = [rule for rule in oracle().rules.values() if "GET" in rule.methods and rule.kind not in ("elsewhere", "acts")]


@pytest.fixture(scope="module")
def seen(county: Matrix) -> Seen:
    numbers = whole_numbers()
    assert len(numbers["id"]) > 20 and len(numbers["account"]) > 20
    return Seen(numbers)


@pytest.fixture(autouse=True)
def day() -> Iterator[None]:
    from audit import clock

    with clock.frozen_at(NOW):
        yield


def read(county: Matrix, rule: Rule, person: Any) -> bytes:
    """What somebody gets from an address, whatever it is."""
    point = transaction.savepoint()
    try:
        path, data = county.path(rule), county.data_for(rule, "GET")
        answer = directly(person.staff, path, "GET", data) if person.is_let_in else person.client.get(path, data)
        return b"".join(answer.streaming_content) if answer.streaming else answer.content
    finally:
        transaction.savepoint_rollback(point)
        connection.needs_rollback = False


def asked(county: Matrix, rule: Rule) -> list[Any]:
    """One of each role who gets the page here, everybody without a post who does, and one whom it refuses."""
    found, refused = {}, None
    for person in county.people:
        if person.relation in CIRCUMSTANCES:
            continue
        if rule.answer(person, "GET") == YES:
            if person.relation in ("here", "above", "granted", "no_post", "anonymous"):
                found.setdefault((person.role, not person.role and person.relation), person)
        else:
            refused = refused or person
    return [*found.values(), *([refused] if refused else [])]


def by_turns(people: list[Any], rule: Rule) -> list[Any]:
    """Of each desk one, another for each address: a push has a minute for all of this file."""
    desks: dict[str, list[Any]] = {}
    for person in people:
        desks.setdefault(desk_of(person), []).append(person)
    return [here[sum(map(ord, rule.url)) % len(here)] for here in desks.values()]


def leaks_in(county: Matrix, seen: Seen, rule: Rule, people: list[Any], met: dict[str, set[str]]) -> list[str]:
    """What somebody meets there that the table does not allow."""
    leaks = []
    for person in people:
        desk = desk_of(person)
        for what in seen(texts_in(read(county, rule, person))):
            met.setdefault(what, set()).add(desk)
            if not sees(person, what, BESIDES.get((rule.url, what), set())):
                leaks.append(f"{rule.url}: {what} seen by {person}")
    return leaks


def test_every_page_shows_each_desk_what_the_table_says_and_no_more(county: Matrix, seen: Seen) -> None:
    met: dict[str, set[str]] = {}
    leaks = [leak for rule in ASKED for leak in leaks_in(county, seen, rule, by_turns(asked(county, rule), rule), met)]

    assert leaks == []
    for what in ("name", "phone", "needs", "means", "health", "mental"):
        assert met.get(what), f"nobody met {what}: the canary was not planted"


def test_the_form_of_every_act_shows_what_the_table_says(county: Matrix, seen: Seen) -> None:
    leaks = []
    for act in oracle().acts:
        rule, path = county.rule_of(act), county.act_path(act)
        who = county.first_who_may(rule, "POST")
        if who is not None:
            found = seen(county.ask(who, path, "GET", quick=True).body)
            leaks += [f"{path}: {what} seen by {who}" for what in found if not sees(who, what)]
    assert leaks == []


@pytest.mark.torture
@pytest.mark.parametrize("rule", ASKED, ids=lambda rule: rule.url)
def test_every_page_shows_each_role_what_the_table_says_and_no_more(county: Matrix, seen: Seen, rule: Rule) -> None:
    assert leaks_in(county, seen, rule, asked(county, rule), {}) == []


# Tables in which a value stands in clear, because the work needs it there; everywhere else it is a leak.
IN_CLEAR = {
    "phone": {"families_person", "families_historicalperson"},
    "needs": {"families_survey", "families_historicalsurvey"},
}
WHILE_SOMEBODY_LOOKS = {"jobs_job"}  # the lines of a bank's answer that a person has to decide about; see below
NEVER_IN = ("auth_", "django_", "axes_", "guardian_", "audit_", "jobs_", "flows_", "viewflow_", "access_")


def test_no_whole_number_lies_in_any_table_and_words_only_where_they_belong(county: Matrix, seen: Seen) -> None:
    point = transaction.savepoint()
    Worker().drain()
    tables = [
        name
        for (name,) in run("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    ]
    found, hexed = {}, {number.encode().hex() for known in seen.numbers.values() for number in known}
    for table in tables:
        text = run(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{table}\" t")[0][0]
        found[table] = seen(text)
        assert not found[table] & {"id", "account"}, f"{table} holds a whole number in clear"
        assert not any(digits in text for digits in hexed) if "\\x" in text else True, (
            f"{table} holds one in hexadecimal"
        )
    transaction.savepoint_rollback(point)

    for what, allowed in IN_CLEAR.items():
        assert {table for table, whats in found.items() if what in whats} == allowed
    named = {table for table, whats in found.items() if "name" in whats} - WHILE_SOMEBODY_LOOKS
    assert not [table for table in named if table.startswith(NEVER_IN)], (
        "the trail, jobs, sessions and accounts name nobody"
    )
    assert "families_person" in named


def test_sessions_and_cache_hold_nobody(county: Matrix, seen: Seen) -> None:
    clerk = county.places.person("township_clerk").client
    for rule in ASKED[:40]:
        clerk.get(county.path(rule))
    held = json.dumps([SessionStore(row.session_key).load() for row in Session.objects.all()], default=str)
    held += str(getattr(cache, "_cache", ""))
    assert seen(held) == set()


def test_errors_say_nothing_of_a_family(county: Matrix, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    case = county.at["case_township_review"]["pk"]
    person = county.places.person("township_clerk")
    number = next(iter(seen.numbers["id"]))

    def crash(*_args: Any, **_more: Any) -> None:
        raise ValueError(f"{canaries.NAME} {number} {canaries.PHONE} {canaries.NEEDS}")

    monkeypatch.setattr("casework.desks.cases.views.visible_case", crash)
    with written(logs.Text(), logging.DEBUG) as text, written(logs.Json(), logging.DEBUG) as told:
        logging.getLogger("django").setLevel(logging.DEBUG)
        crashed = person.client.get(reverse("cases:detail", args=[case]))
        lost = person.client.get(f"/nothing/{number}/{canaries.PHONE}/")
        refused = Client().get(f"/village/?q={canaries.NAME}")
        logging.getLogger("django").setLevel(logging.CRITICAL)

    assert (crashed.status_code, lost.status_code, refused.status_code) == (500, 404, 302)
    for answer in (crashed, lost):
        assert seen(answer.content.decode()) == set()
    assert seen(text.getvalue()) == seen(told.getvalue()) == set()
    assert "casework.requests" in told.getvalue()


def test_health_metrics_and_the_notice_board_hold_nobody(county: Matrix, seen: Seen, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-token"
    metrics = Client().get("/metrics", headers={"Authorization": "Bearer a-token"})
    board = Client().get(
        county.path(oracle().rules["notices:notice"]) if "notices:notice" in oracle().rules else "/notices/"
    )
    pages = [
        metrics,
        board,
        *(Client().get(path) for path in ("/healthz", "/readyz", "/notices/", "/login/", "/help/")),
    ]
    assert metrics.status_code == 200 and len(metrics.content) > 500 and board.status_code == 200
    for page in pages:
        assert seen(page.content.decode()) == set()


def test_promises_timers_and_the_access_log_hold_numbers_of_records_alone(county: Matrix, seen: Seen) -> None:
    for table in ("jobs_outbox", "jobs_timerrun", "audit_accesslog"):
        (text,) = run(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")[0]
        assert seen(text) == set(), table


def test_a_job_names_somebody_only_while_a_person_has_to_decide(county: Matrix, seen: Seen) -> None:
    named = "SELECT DISTINCT kind, state FROM jobs_job t WHERE t::text LIKE %s"
    looked_at = set(run(named, f"%{canaries.NAME}%"))
    assert looked_at <= {("bank_answer", "waiting")}
    point = transaction.savepoint()
    for job in Job.objects.filter(state="waiting"):
        runner.cancel(job.pk)
    assert run(named, f"%{canaries.NAME}%") == []
    transaction.savepoint_rollback(point)


def test_no_file_of_a_job_that_has_ended_lies_about(county: Matrix, seen: Seen) -> None:
    left = [
        path
        for path in Path(settings.MEDIA_ROOT).rglob("*")
        if path.is_file() and seen(texts_in(path.read_bytes())) & {"id", "account", "phone", "needs"}
    ]
    waiting = {Path(job.result_file.path) for job in Job.objects.exclude(result_file="")} | {
        Path(job.input_file.path) for job in Job.objects.exclude(input_file="")
    }
    assert set(left) <= waiting


def test_a_bundle_and_the_anchor_name_nobody_and_a_revealed_one_has_no_whole_number(
    county: Matrix, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    settings.ANCHOR_MAIL, settings.ANCHOR_DIR = ["anchor@example.invalid"], str(tmp_path / "anchors")
    point = transaction.savepoint()
    settle()
    checkpoints.seal_all(everything=True)
    with request_of(lambda: Acting(by_id=0, by_name="shell")):
        bundle.export(tmp_path / "plain.zip")
        bundle.export(tmp_path / "revealed.zip", reveal="court order")
    anchors.publish()
    transaction.savepoint_rollback(point)

    assert seen(texts_in((tmp_path / "plain.zip").read_bytes())) == set()
    revealed = seen(texts_in((tmp_path / "revealed.zip").read_bytes()))
    assert "name" in revealed and not revealed & {"id", "account"}
    assert mail.outbox and seen(mail.outbox[-1].body + mail.outbox[-1].subject) == set()
    assert seen(next((tmp_path / "anchors").iterdir()).read_text()) == set()


def test_nothing_is_kept_in_the_browser() -> None:
    """No page of ours uses the browser's stores, so a telephone that is lost holds no family; answers say `no-store`."""
    scripts = [path.read_text() for path in (Path(settings.BASE_DIR) / "static").rglob("*.js")]
    assert scripts
    for word in ("localStorage", "sessionStorage", "indexedDB", "caches.open", "serviceWorker"):
        assert not any(word in script for script in scripts), word


def test_the_oracle_of_this_file_knows_every_desk_and_sees_a_planted_leak(county: Matrix, seen: Seen) -> None:
    number = next(iter(seen.numbers["account"]))
    packed = io.BytesIO()
    import zipfile

    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/sheet1.xml", f"<v>{number}</v><v>{canaries.NEEDS}</v>")
    assert seen(texts_in(packed.getvalue())) == {"account", "needs"}
    assert seen(texts_in(f"户名,{number},{canaries.NAME}".encode("gb18030"))) == {"account", "name"}
