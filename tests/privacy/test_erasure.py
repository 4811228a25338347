"""What has expired is erased by two persons, in rows and in history; the chain still holds and says so; nothing else passes."""

import contextlib
import datetime
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from access import reach
from access import services as access
from access.models import Appointment
from audit import bundle, checkpoints, clock, erasure, leaves, trail
from audit.context import Acting, request_of
from audit.models import Erasure, ErasureOrder
from audit.verify import verify
from casework.auditing import questions
from casework.database.logins import APPLICATION, AUDITOR, LOGINS, WEB, WORKER
from casework.errors import NotYourTurn, SecondDuty, WrongState
from casework.models import Case
from casework.retention import due, erasing, periods
from casework.trail import bundle_of
from families import services as families
from families.models import Household, HouseholdMember, Person, Survey
from funds.models import Transfer
from jobs import outbox
from jobs.models import Outbox
from tests.audit.attack import run, settle, triggers_off
from tests.audit.bundles import key, members_of, run_alone, with_manifest
from tests.authorisation.places import all_units, crew
from tests.casework.placing import put
from tests.desks.test_township import login
from tests.owner import owner
from tests.promises import keep
from tests.world import START, World, make_staff

LATER = datetime.date(2040, 1, 10)
CANARIES = ("屋顶漏雨，想修一修", "金丝雀的话")


@pytest.fixture
def expired(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Household]:
    """A refused case of 2026 with survey, papers and words, looked at in 2040, when its file has expired."""
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    case = world.brought_to("township_decision")
    household = case.household
    household.remark = "金丝雀的话"
    household.is_hardship, household.severity = False, ""
    household.save()
    families.add_document(
        household, ContentFile(b"a photo", name="a.txt"), kind="other", title="金丝雀的话", by=world.village_clerk
    )
    world.do(case, "refuse", "township_approver", reason="收入超过标准", reason_code="other")
    settle()
    checkpoints.seal()
    periods.enter("refused_file", 5, valid_from=START, basis="县档案局〔2026〕1号")
    with clock.frozen_at(LATER):
        clock.move_to(LATER)
        yield Household.objects.get(pk=household.pk)


def done(household: Household, world: World) -> ErasureOrder:
    order = erasing.propose(household.pk, by=world.county_reviewer)
    erasing.confirm(order.pk, by=world.county_approver)
    assert keep("retention.erase") == 1
    order.refresh_from_db()
    return order


def told(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command(*map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def whole_database() -> str:
    """Every row of every table that tells of a family or a case, as text."""
    tables = run(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(families|casework|audit)_' ORDER BY relname"
    )
    return "\n".join(
        text
        for (name,) in tables
        for (text,) in run(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{name}\" t")
    )


def kinds() -> set[str]:
    settle()
    return {problem.kind for problem in verify().problems}


def export(path: Path, selection: bundle.Selection = bundle.WHOLE, **how: Any) -> bundle.Exported:
    with request_of(lambda: Acting(by_id=0, by_name="shell")):
        return bundle.export(path, selection, **how)


def test_nothing_is_due_before_the_authority_has_set_a_period(world: World) -> None:
    put(world.open(), "refused")
    assert told("retention", "report") == {
        "periods": {}, "expired": 0, "files": [], "waiting": [], "confirmed": [], "refused": {},
    }  # fmt: skip


def test_an_expired_file_is_erased_in_rows_and_in_history_and_sums_and_places_stay(
    expired: Household, world: World, django_capture_on_commit_callbacks: Any
) -> None:
    people = list(expired.members.values_list("person__name", flat=True))
    number = Person.objects.get(pk=expired.head_id).id_last4
    papers = list(expired.documents.values_list("file", flat=True))
    before, movements = (
        list(Case.objects.filter(household=expired).values_list("amount_fen", "village_id", "case_no")),
        Transfer.objects.count(),
    )
    assert all(canary in whole_database() for canary in (*people, *CANARIES))

    order = done(expired, world)

    settle()
    left = whole_database()
    assert [canary for canary in (*people, *CANARIES) if canary in left] == []
    person = Person.objects.get(pk=expired.head_id)
    assert (person.name, person.phone, person.id_number_sealed, person.person_key) == ("已清除", "", None, None)
    assert {row.id_last4 for row in person.history.all()} == {""} != {number}
    assert expired.accounts.get().number_last4 == "" and Survey.objects.get(household=expired).facts == {}
    assert list(Case.objects.filter(household=expired).values_list("amount_fen", "village_id", "case_no")) == before
    assert Transfer.objects.count() == movements and order.rows == Erasure.objects.filter(order=order).count() > 10
    assert keep("retention.files") == 1
    assert papers and not any(default_storage.exists(name) for name in papers)


@pytest.mark.parametrize(
    "way", ["{0}/../{1}/{2}", "{0}//{1}/{2}", "./{0}/{1}/{2}", "packs/J2026-00001.zip", "jobs/2026/04/a.csv"]
)
def test_a_forged_promise_takes_no_file_off_the_disk_but_erased_papers(expired: Household, way: str) -> None:
    paper = expired.documents.exclude(file="").first().file.name
    folder, rest = paper.split("/", 1)
    other = default_storage.save("packs/J2026-00001.zip", ContentFile(b"a pack"))
    forged = way.format(folder, *rest.rsplit("/", 1)).replace("/../", f"/{rest.split('/')[0]}/../", 1)

    with pytest.raises(SuspiciousFileOperation):
        erasing.delete_files({"files": [paper, forged]}, 1)

    assert default_storage.exists(paper) and default_storage.exists(other)
    default_storage.delete(other)


def test_the_chain_holds_and_says_who_erased_when_and_why(expired: Household, world: World) -> None:
    done(expired, world)

    settle()
    report = verify()
    assert report.problems == [] and report.erased > 10
    for stream in (
        f"household:{expired.pk}",
        f"person:{expired.head_id}",
        f"case:{Case.objects.get(household=expired).pk}",
    ):
        badge = trail.badge(stream)
        assert badge.is_intact and badge.erased[0].order.because == "refused_file"
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert f"staff {world.county_reviewer.pk}+{world.county_approver.pk}" in out.getvalue()
    assert "because of refused_file, due since 2031-04-16" in out.getvalue()


@pytest.mark.parametrize("reveal", ["", "court order"])
def test_a_bundle_of_everything_holds_for_somebody_else_and_names_the_erasure(
    expired: Household, world: World, tmp_path: Path, reveal: str
) -> None:
    order = done(expired, world)
    settle()
    checkpoints.seal()
    export(tmp_path / "all.zip", reveal=reveal)

    status, answer = run_alone(tmp_path / "all.zip", "--key", key())

    assert (status, answer["erased_rows"]) == (0, order.rows), answer["verdict"]
    assert answer["erased_by"] == [
        {"order": order.pk, "on": answer["erased_by"][0]["on"], "because": "refused_file",
         "by": f"{world.county_reviewer.pk}+{world.county_approver.pk}"}
    ]  # fmt: skip
    assert "ERASED on" in answer["verdict"]
    data = (tmp_path / "all.zip").read_bytes().decode("utf-8", "replace")
    assert not [canary for canary in CANARIES if canary in data]


def test_the_bundle_of_the_case_brings_its_erasures_along(expired: Household, world: World, tmp_path: Path) -> None:
    done(expired, world)
    settle()
    checkpoints.seal()
    case = Case.objects.get(household=expired)
    export(tmp_path / "case.zip", bundle_of(case.case_no), reveal="a question")

    status, answer = run_alone(tmp_path / "case.zip", "--key", key())

    assert status == 0 and answer["erased_rows"] > 0, answer["verdict"]


def test_old_papers_still_fit_after_an_erasure(expired: Household, world: World) -> None:
    printed = f"{checkpoints.latest().total} {checkpoints.latest().fingerprint}"
    done(expired, world)
    assert checkpoints.is_known(printed)


def test_a_blank_without_a_record_is_tampering(expired: Household) -> None:
    row = Person.history.filter(id=expired.head_id).latest("history_id").history_id
    with triggers_off("families_historicalperson"):
        run("UPDATE families_historicalperson SET name = '已清除', phone = '' WHERE history_id = %s", row)
    assert "edited" in kinds()


def test_a_record_without_two_persons_is_refused_and_found(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    row = Person.history.filter(id=expired.head_id).latest("history_id").history_id
    with pytest.raises(DatabaseError, match="no order of erasure that two persons gave"), transaction.atomic():
        run("SELECT audit_erase(%s, 'families_historicalperson', ARRAY[%s]::bigint[])", order.pk, expired.head_id)
    with triggers_off("families_historicalperson", "audit_erasure", "families_person"):
        run("INSERT INTO audit_erasure (order_id, tbl, row_id, before, after, xid) SELECT %s, 'families_historicalperson', %s, digest, sha256('x'), '1' FROM audit_entry WHERE tbl = 'families_historicalperson' AND row_id = %s", order.pk, row, row)  # fmt: skip
    assert "erasure" in kinds()


def test_an_erasure_never_changes_anything_but_what_may_be_erased(expired: Household, world: World) -> None:
    """Somebody with the owner's rights uses a real order to change a date: the row is not what it should be when blank."""
    done(expired, world)
    settle()
    row = Survey.history.get(household_id=expired.pk).history_id
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run("UPDATE families_historicalsurvey SET surveyed_on = '2020-01-01' WHERE history_id = %s", row)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run("UPDATE families_historicalsurvey SET needs_words = 'x' WHERE history_id = %s", row)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run("DELETE FROM families_historicalsurvey WHERE history_id = %s", row)
    with triggers_off("families_historicalsurvey"):
        run("UPDATE families_historicalsurvey SET surveyed_on = '2020-01-01' WHERE history_id = %s", row)
    assert "edited" in kinds()


def test_a_filled_row_behind_a_record_is_found(expired: Household, world: World) -> None:
    done(expired, world)
    settle()
    row = Survey.history.get(household_id=expired.pk).history_id
    with triggers_off("families_historicalsurvey", "audit_erasure"):
        run("UPDATE families_historicalsurvey SET needs_words = 'x' WHERE history_id = %s", row)
        run("UPDATE audit_erasure x SET after = sha256(convert_to(rtrim(r::text, ',)'), 'UTF8')) FROM families_historicalsurvey r WHERE r.history_id = x.row_id AND x.tbl = 'families_historicalsurvey' AND r.history_id = %s", row)  # fmt: skip
    assert {"erasure", "edited"} <= kinds(), "the record itself is chained, and the row is not blank"


def test_more_that_may_be_erased_than_the_program_knows_is_found(expired: Household) -> None:
    with triggers_off("audit_erasable"):
        run("INSERT INTO audit_erasable VALUES ('funds_historicalpayment', 'funds_payment', '{\"amount_fen\": 0}')")
        run(
            "UPDATE audit_erasable SET blanks = blanks || '{\"household_id\": 1}' WHERE past = 'families_historicalsurvey'"
        )
    settle()
    assert {problem.table for problem in verify().problems if problem.kind == "erasure"} == {
        "funds_historicalpayment",
        "families_historicalsurvey",
    }


def test_a_bundle_with_another_row_behind_an_erasure_does_not_hold(
    expired: Household, world: World, tmp_path: Path
) -> None:
    done(expired, world)
    settle()
    checkpoints.seal()
    export(tmp_path / "all.zip", reveal="a question")
    members = members_of((tmp_path / "all.zip").read_bytes())
    rows = [json.loads(line) for line in members["openings/000000.jsonl"].splitlines()]
    erased = next(row for row in rows if row.get("is_erased"))
    erased["text"] = erased["text"].replace("已清除", "李四")
    members["openings/000000.jsonl"] = b"".join(bundle.canonical(row) + b"\n" for row in rows)
    (tmp_path / "bad.zip").write_bytes(with_manifest(members, checkpoints.sign))

    status, answer = run_alone(tmp_path / "bad.zip", "--key", key())

    assert status == 1 and "not the one that was written" in answer["verdict"]


def test_new_rows_carry_a_salt_and_erased_ones_lose_it(expired: Household, world: World) -> None:
    salted = "SELECT count(history_salt) FROM families_historicalhousehold WHERE id = %s"
    assert (
        run(salted, expired.pk)[0][0]
        == run("SELECT count(*) FROM families_historicalhousehold WHERE id = %s", expired.pk)[0][0]
    )
    done(expired, world)
    assert run(salted, expired.pk) == [(0,)]


def test_one_person_cannot_do_it_and_no_other_post_can(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_approver)
    with pytest.raises(SecondDuty):
        erasing.confirm(order.pk, by=world.county_approver)
    for other in (world.county_reviewer, world.township_approver, world.auditor, world.sysadmin, world.cashier):
        with pytest.raises(NotYourTurn):
            erasing.confirm(order.pk, by=other)
    with pytest.raises(NotYourTurn):
        erasing.drop(order.pk, by=world.village_head)
    assert not Erasure.objects.exists()
    erasing.drop(order.pk, by=world.county_reviewer)
    assert kinds() == set()


def test_what_is_open_is_held(expired: Household, world: World) -> None:
    case = Case.objects.get(household=expired)
    asked = questions.ask(
        world.township,
        "township_approver",
        "为什么不批",
        "请说明",
        due_on=LATER,
        by=world.auditor,
        key="q1",
        subjects=[f"case:{case.pk}"],
    )
    with pytest.raises(WrongState, match=asked.number):
        erasing.propose(expired.pk, by=world.county_reviewer)
    assert told("retention", "report")["files"][0]["held"]


def test_what_came_in_after_the_proposal_stops_it(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    put(Case.objects.get(household=expired), "appeal")
    with pytest.raises(WrongState):
        erasing.confirm(order.pk, by=world.county_approver)
    assert not Erasure.objects.exists()


def test_a_longer_period_that_was_set_meanwhile_stops_it(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    periods.enter("refused_file", 6, valid_from=START + datetime.timedelta(days=1), basis="县档案局〔2027〕2号")
    with pytest.raises(WrongState):
        erasing.confirm(order.pk, by=world.county_approver)
    order.refresh_from_db()
    assert order.confirmed_by is None and not Outbox.objects.filter(topic="retention.erase").exists()


def test_what_comes_in_before_the_worker_does_it_stops_it_too_and_the_order_says_why(
    expired: Household, world: World
) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    erasing.confirm(order.pk, by=world.county_approver)
    assert erasing.why_refused(order) == "" and Household.objects.get(pk=expired.pk).head_name == expired.head_name
    periods.enter("refused_file", 50, valid_from=LATER, basis="县档案局〔2040〕2号")

    assert keep("retention.erase") == 1

    order.refresh_from_db()
    assert order.done_at is None and order.dropped_at and "没有到期" in erasing.why_refused(order)
    assert not Erasure.objects.exists() and Household.objects.get(pk=expired.pk).head_name == expired.head_name
    assert told("retention", "report")["refused"] == {str(order.pk): erasing.why_refused(order)}
    assert kinds() == set()


def test_what_was_confirmed_is_not_dropped_by_hand_nor_carried_out_twice(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    erasing.confirm(order.pk, by=world.county_approver)
    with pytest.raises(WrongState):
        erasing.drop(order.pk, by=world.county_reviewer)
    keep("retention.erase")
    order.refresh_from_db()
    with owner(LOGINS[WORKER]):
        erasing.carry_out({"order": order.pk}, 0)
    assert ErasureOrder.objects.get(pk=order.pk).done_at == order.done_at


def test_a_promise_to_erase_what_nobody_confirmed_erases_nothing(expired: Household, world: World) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    with transaction.atomic():
        outbox.put("retention.erase", key="forged", payload={"order": order.pk})
    assert keep("retention.erase") == 1
    assert not Erasure.objects.exists() and ErasureOrder.objects.get().done_at is None


@pytest.mark.parametrize("login", [LOGINS[WEB], APPLICATION, LOGINS[AUDITOR]])
def test_only_the_workers_login_may_erase(expired: Household, world: World, login: str) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    erasing.confirm(order.pk, by=world.county_approver)
    for statement in (
        "SELECT audit_erase(%s, 'families_historicalperson', ARRAY[%s]::bigint[])",
        "INSERT INTO audit_erasure (order_id, tbl, row_id, before, after) VALUES (%s, 'families_historicalperson', %s, '', '')",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            owner(login),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [order.pk, expired.head_id])
    assert not Erasure.objects.exists() and Person.objects.get(pk=expired.head_id).name != "已清除"


def test_a_post_that_the_proposer_lent_does_not_confirm(expired: Household, world: World) -> None:
    deputy = make_staff("deputy", "代班的人")
    access.delegate(
        Appointment.objects.get(staff=world.county_approver, role="county_approver"), deputy,
        valid_from=LATER, valid_to=LATER + datetime.timedelta(days=9), reason="休假", approved_by=world.sysadmin,
    )  # fmt: skip
    hers = erasing.propose(expired.pk, by=world.county_approver)

    with pytest.raises(SecondDuty, match="代班"):
        erasing.confirm(hers.pk, by=deputy)

    erasing.drop(hers.pk, by=world.county_approver)
    another = erasing.propose(expired.pk, by=world.county_reviewer)
    assert erasing.confirm(another.pk, by=deputy).confirmed_by == deputy.pk
    told_of = another.history.latest("history_id")
    assert (told_of.history_user_id, told_of.history_behalf_id) == (deputy.pk, world.county_approver.pk)


@contextlib.contextmanager
def on_a_page_of(person: Any) -> Iterator[None]:
    """As a page of hers asks: with the web's login, as far as her posts reach."""
    with owner(LOGINS[WEB]), reach.only(reach.of(person)):
        yield


@pytest.fixture
def next_door(expired: Household, world: World) -> World:
    """Those who work in a village of another county."""
    return crew(world, all_units(), "V5")


@pytest.fixture
def moved_away(expired: Household, next_door: World) -> Person:
    """A member of the expired family lives in a family next door now."""
    member = expired.members.exclude(person=expired.head_id).get()
    member.valid_to = START
    member.save()
    there = next_door.household()
    there.members.create(person=member.person, relation="儿媳", valid_from=START + datetime.timedelta(days=1))
    return member.person


def test_whoever_lives_in_another_county_now_is_not_erased_from_a_page(
    expired: Household, world: World, moved_away: Person
) -> None:
    with on_a_page_of(world.county_approver):
        assert not HouseholdMember.objects.filter(person=moved_away, valid_to=None).exists(), "she does not see it"
        assert due.persons_of(expired) == [expired.head_id]

    with on_a_page_of(world.county_reviewer):
        order = erasing.propose(expired.pk, by=world.county_reviewer)
    with on_a_page_of(world.county_approver):
        erasing.confirm(order.pk, by=world.county_approver)
    assert f"person:{moved_away.pk}" not in order.streams
    assert keep("retention.erase") == 1

    assert Person.objects.get(pk=moved_away.pk).name == moved_away.name
    assert Person.objects.get(pk=expired.head_id).name == "已清除"


def test_an_open_case_in_another_county_holds_the_file(
    expired: Household, world: World, next_door: World, moved_away: Person
) -> None:
    with clock.frozen_at(START):
        case = next_door.open(household=Household.objects.exclude(pk=expired.pk).get(members__person=moved_away))
    Case.objects.filter(pk=case.pk).update(beneficiary=moved_away)

    with on_a_page_of(world.county_reviewer):
        assert not Case.objects.filter(pk=case.pk).exists(), "she does not see it"
        with pytest.raises(WrongState, match="没办完"):
            erasing.propose(expired.pk, by=world.county_reviewer)
    client = login(Client(), world.county_reviewer)
    shown = client.get("/retention/").content.decode()
    assert "家里有人还有没办完的事" in shown and f'value="{expired.pk}"' not in shown


def test_somebody_who_lives_in_another_family_keeps_her_name(expired: Household, world: World) -> None:
    member = expired.members.exclude(person=expired.head_id).get()
    member.valid_to = START
    member.save()
    other = world.household()
    other.members.create(person=member.person, relation="儿媳", valid_from=START + datetime.timedelta(days=1))
    assert due.persons_of(expired) == [expired.head_id]


def by(name: str) -> str:
    """Confirmed by whom has this account."""
    her = f"FROM access_staff WHERE username = '{name}'"
    return f"confirmed_at = now(), confirmed_by = (SELECT id {her}), confirmer_person_key = (SELECT person_key {her})"


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        (by("county_reviewer"), "erased_by_two_persons"),
        ("confirmed_at = now(), confirmed_by = proposed_by, confirmer_person_key = 'x'", "order_names_its_persons"),
        ("confirmed_at = now(), confirmed_by = 999999, confirmer_person_key = 'x'", "order_names_its_persons"),
        ("proposer_person_key = 'x'", "order_stays_as_it_was"),
        (by("closed"), "order_by_accounts_in_use"),
        ("done_at = now(), rows = 0", "erased_once_confirmed"),
        (by("county_approver") + ", done_at = now()", "erased_once_confirmed"),
        ("streams = '{household:2}'", "order_stays_as_it_was"),
        ("because = 'x'", "order_stays_as_it_was"),
    ],
)
def test_one_person_alone_erases_nothing(expired: Household, world: World, changes: str, law: str) -> None:
    order = erasing.propose(expired.pk, by=world.county_reviewer)
    make_staff("closed", "离任的人", is_active=False)

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        run(f"UPDATE audit_erasureorder SET {changes} WHERE id = %s", order.pk)

    assert caught.value.__cause__.diag.constraint_name == law
    order.refresh_from_db()
    assert order.confirmed_by is None and order.done_at is None


def test_a_closed_account_proposes_nothing(expired: Household, world: World) -> None:
    closed = make_staff("closed", "离任的人", is_active=False)
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        ErasureOrder.objects.create(
            subject="household:1", streams=["household:1"], because="aided_file", due_since=START, basis="x",
            proposed_by=closed.pk, proposer_person_key=closed.person_key, proposed_at=timezone.now(),
        )  # fmt: skip
    assert caught.value.__cause__.diag.constraint_name == "order_by_accounts_in_use"


@pytest.mark.parametrize(
    ("sql", "law"),
    [
        ("DELETE FROM audit_erasureorder", "order_stays_as_it_was"),
        (
            "INSERT INTO audit_erasure (order_id, tbl, row_id, before, after) SELECT id, 'funds_transfer', 1, '\\x', '\\x' FROM audit_erasureorder",
            "audit_erasure_is_ordered",
        ),
        ("UPDATE audit_erasable SET blanks = '{}'", None),  # append-only
    ],
)
def test_the_database_refuses_half_an_order(expired: Household, world: World, sql: str, law: str | None) -> None:
    erasing.propose(expired.pk, by=world.county_reviewer)
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        run(sql)
        settle()
    assert caught.value.__cause__.diag.constraint_name == law


def test_money_deciding_persons_and_the_trail_are_never_erasable(db: None) -> None:
    from tests.audit.bundles import standalone

    rows = dict(run("SELECT past, blanks FROM audit_erasable"))
    rows = {table: json.loads(blanks) if isinstance(blanks, str) else blanks for table, blanks in rows.items()}
    assert set(rows) == standalone().ERASABLE
    kept = (
        "amount",
        "village",
        "by_id",
        "state",
        "action",
        "person_key",
        "business_date",
        "history_date",
        "history_user",
    )
    assert not {c for t, cs in rows.items() if t != "families_historicalperson" for c in cs if c.startswith(kept)}


def test_a_second_run_of_the_command_erases_nothing_twice(expired: Household, world: World) -> None:
    orders = told("retention", "propose", "--by", world.county_reviewer.username)["orders"]
    assert told("retention", "propose", "--by", world.county_reviewer.username)["orders"] == []
    assert told("retention", "report")["waiting"] == orders
    assert told("retention", "erase", *orders, "--by", world.county_approver.username) == {"confirmed": orders}
    report = told("retention", "report")
    assert (report["waiting"], report["confirmed"], report["expired"]) == ([], orders, 0)
    assert keep("retention.erase") == 1
    assert told("retention", "report")["confirmed"] == []
    with pytest.raises(WrongState):
        erasing.confirm(orders[0], by=world.county_approver)
    assert erasure.of_stream(f"household:{expired.pk}")[0].rows > 10
