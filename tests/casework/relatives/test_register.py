"""The register of close relatives: who writes what, that nothing in it changes, that silence and "none" differ."""

import datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from access import services as access
from access import vault
from access.models import Appointment, Staff
from audit import clock
from audit.models import AccessLog, Entry
from casework.errors import NotYourTurn, SecondDuty
from casework.relatives import register, who
from families.errors import BadDeclaration, FamiliesError, ReasonNeeded
from families.models import ConflictDeclaration, RelativeStatement
from families.relatives import declaring
from families.relatives.declaring import Relative
from flows.kin import CODE
from flows.services import draft_version, publish_version
from tests.casework.relatives.kin import a_cadre, a_number, declared
from tests.desks.test_township import login
from tests.owner import owner
from tests.world import START, World, make_staff

MANY = [
    ("relative_name", "'另一个人'"),
    ("relation", "'child'"),
    ("relative_key", "'x'"),
    ("declarer_person_key", "'y'"),
    ("declared_on", "'2020-01-01'"),
]


def test_her_own_declaration_counts_at_once_and_names_the_relative_only_sealed(world: World) -> None:
    number = a_number()

    row = declared(world.village_clerk, number)

    assert row.is_own and not row.waits and row.unit == world.village
    assert vault.unseal(row.relative_id_sealed, row=row.relative_id_row) == number
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(d)::text FROM families_conflictdeclaration d WHERE id = %s", [row.pk])
        text = cursor.fetchone()[0]
        cursor.execute(
            "SELECT to_jsonb(d)::text FROM families_historicalconflictdeclaration d WHERE d.id = %s", [row.pk]
        )
        assert number not in text + cursor.fetchone()[0]
    assert Entry.objects.filter(stream=f"relatives:{world.village.pk}").exists()


def test_the_same_relative_twice_is_one_declaration(world: World) -> None:
    number = a_number()

    first = declared(world.village_clerk, number)
    again = declared(world.village_clerk, number)

    assert first == again
    with pytest.raises(BadDeclaration, match="另一种关系"):
        declared(world.village_clerk, number, "child")
    assert ConflictDeclaration.objects.filter(relative_key=first.relative_key).count() == 1


@pytest.mark.parametrize("number", ["99999919610607001", "999999196106070017", "not a number"])
def test_a_number_that_cannot_be_is_refused(world: World, number: str) -> None:
    with pytest.raises(FamiliesError):
        declared(world.village_clerk, number)
    assert not ConflictDeclaration.objects.exists()


def test_nobody_declares_herself(world: World) -> None:
    number = a_number()
    clerk = make_staff("with_number", "有号码的人", key=vault.person_key(number))
    access.appoint(clerk, "village_clerk", world.village, by=None, valid_from=START)

    with pytest.raises(BadDeclaration, match="本人"):
        declared(clerk, number)


def test_which_relations_are_declared_is_a_dated_rule_of_two_administrators(world: World) -> None:
    with pytest.raises(BadDeclaration, match="备案范围"):
        declared(world.village_clerk, a_number(), "cousin")
    wider = draft_version(CODE, {"relations": ["cousin"]}, valid_from=START, by=world.sysadmin)
    publish_version(wider.pk, by=world.sysadmin_2)

    assert declared(world.village_clerk, a_number(), "cousin").relation == "cousin"
    with pytest.raises(BadDeclaration):
        declared(world.village_clerk, a_number(), "sibling")


@pytest.mark.parametrize("who_not", ["auditor", "sysadmin"])
def test_whoever_handles_no_application_has_nothing_to_declare(world: World, who_not: str) -> None:
    with pytest.raises(NotYourTurn):
        declared(world.staff[who_not], a_number())


def test_a_cadre_without_an_account_is_entered_by_one_and_confirmed_by_another(world: World) -> None:
    cadre = a_cadre(world)
    row = register.declare_for(cadre, Relative("江远亲", a_number(), "parent"), by=world.township_clerk)

    assert row.waits
    with pytest.raises(SecondDuty, match="另一个人"):
        register.confirm(row, by=world.township_clerk)
    with pytest.raises(NotYourTurn):
        register.confirm(row, by=world.village_head)
    assert not register.confirm(row, by=world.township_approver).waits
    assert register.confirm(row, by=world.township_approver).confirmed_by == world.township_approver


@pytest.mark.parametrize("who_not", ["village_clerk", "village_head", "township_approver", "fund_manager", "auditor"])
def test_nobody_else_enters_cadres(world: World, who_not: str) -> None:
    with pytest.raises(NotYourTurn):
        register.register_cadre("肖会计", a_number(), unit=world.village, post="委员", by=world.staff[who_not])


def test_whoever_is_barred_does_not_lift_it(world: World) -> None:
    row = declared(world.township_approver, a_number())

    with pytest.raises(SecondDuty, match="自己"):
        register.end(row, reason="写错了号码", by=world.township_approver)
    with pytest.raises(NotYourTurn):
        register.end(row, reason="写错了号码", by=world.village_head)
    with pytest.raises(ReasonNeeded):
        register.end(row, reason="错", by=world.county_reviewer)
    ended = register.end(row, reason="写错了号码", by=world.county_reviewer)

    assert ended.ended_on == START and ended.history.count() == 2
    assert register.end(row, reason="写错了号码", by=world.county_reviewer).ended_on == START


LENT = {"valid_from": START, "valid_to": START + datetime.timedelta(days=9), "reason": "休假"}


def lent(world: World, owner_of_it: Staff, role: str) -> Staff:
    """Somebody whose only post is this one of hers."""
    deputy = make_staff(f"deputy_{role}", "代班的人")
    post = Appointment.objects.get(staff=owner_of_it, role=role)
    access.delegate(post, deputy, approved_by=world.sysadmin, **LENT)
    return deputy


def test_whoever_stands_in_for_the_one_who_entered_it_does_not_confirm_it(world: World) -> None:
    row = register.declare_for(a_cadre(world), Relative("江远亲", a_number(), "parent"), by=world.township_clerk)

    with pytest.raises(SecondDuty, match="代班"):
        register.confirm(row, by=lent(world, world.township_clerk, "township_clerk"))
    deputy = lent(world, world.township_approver, "township_approver")
    assert register.confirm(row, by=deputy).confirmed_by == deputy
    assert row.history.latest("history_id").history_behalf_id == world.township_approver.pk


def test_an_office_above_ends_it(world: World) -> None:
    of_the_village, of_the_township = (
        declared(world.village_head, a_number()),
        declared(world.township_clerk, a_number()),
    )

    assert register.end(of_the_village, reason="写错了号码", by=world.township_approver).ended_on == START
    with pytest.raises(NotYourTurn):
        register.end(of_the_township, reason="写错了号码", by=world.township_approver)
    assert ConflictDeclaration.objects.get(pk=of_the_township.pk).ended_on is None
    assert register.end(of_the_township, reason="写错了号码", by=world.county_reviewer).ended_on == START


def test_at_the_county_another_of_its_approvers_ends_it(world: World) -> None:
    row = declared(world.county_approver, a_number())

    with pytest.raises(SecondDuty):
        register.end(row, reason="写错了号码", by=world.county_approver)
    with pytest.raises(NotYourTurn):
        register.end(row, reason="写错了号码", by=world.county_reviewer)
    with pytest.raises(SecondDuty, match="代班"):
        register.end(row, reason="写错了号码", by=lent(world, world.county_approver, "county_approver"))
    assert register.end(row, reason="写错了号码", by=world.county_approver_2).ended_on == START


def test_the_page_offers_ending_to_the_office_above_alone(world: World) -> None:
    row = declared(world.township_clerk, a_number())

    for who_not in ("township_clerk", "township_approver"):
        shown = login(Client(), world.staff[who_not]).get(f"/relatives/{row.pk}/").content.decode()
        assert "解除这一条" not in shown and "解除由上一级办" in shown
    assert "解除这一条" in login(Client(), world.county_reviewer).get(f"/relatives/{row.pk}/").content.decode()


@pytest.mark.parametrize("ender", ["township_approver", "village_head", "auditor", "closed", "deputy_county_approver"])
def test_nobody_but_an_office_above_ends_it_in_sql(world: World, ender: str) -> None:
    row = declared(world.township_clerk if ender != "deputy_county_approver" else world.county_approver, a_number())
    lent(world, world.county_approver, "county_approver")
    access.appoint(
        make_staff("closed", "离任的人", is_active=False), "county_approver", world.county, by=None, valid_from=START
    )

    broken = "ended_on = '2026-04-15', ended_by_id = s.id, ender_person_key = s.person_key, end_reason = '写错了'"
    assert law_of(f"UPDATE families_conflictdeclaration d SET {broken} FROM access_staff s WHERE d.id = %s AND s.username = %s", row.pk, ender) == "declaration_ended_from_above"  # fmt: skip


@pytest.mark.parametrize("confirmer", ["village_head", "auditor", "deputy_township_clerk"])
def test_nobody_but_an_office_confirms_it_in_sql(world: World, confirmer: str) -> None:
    row = register.declare_for(a_cadre(world), Relative("江远亲", a_number(), "parent"), by=world.township_clerk)
    lent(world, world.township_clerk, "township_clerk")

    broken = "confirmed_on = '2026-04-15', confirmed_by_id = s.id, confirmer_person_key = s.person_key"
    assert law_of(f"UPDATE families_conflictdeclaration d SET {broken} FROM access_staff s WHERE d.id = %s AND s.username = %s", row.pk, confirmer) == "declaration_confirmed_by_an_office"  # fmt: skip


def law_of(statement: str, *facts: object) -> str:
    """The law that refuses this statement."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(statement, facts)
    return caught.value.__cause__.diag.constraint_name


def test_silence_and_nothing_to_declare_are_two_things(world: World) -> None:
    clerk = world.village_clerk
    assert clerk in who.staff_silent(world.township_clerk)

    none = register.state_own(by=clerk)

    assert (none.declared, none.year) == (0, 2026) and register.state_own(by=clerk) == none
    assert clerk not in who.staff_silent(world.township_clerk)
    with clock.frozen_at(datetime.date(2027, 1, 4)):
        assert clerk in who.staff_silent(world.township_clerk), "each year anew"


def test_the_register_is_read_where_its_people_work(world: World) -> None:
    row = declared(world.village_clerk, a_number())
    rows = ConflictDeclaration.objects.all()

    for reader in ("township_clerk", "township_approver", "county_reviewer", "county_approver", "auditor"):
        assert row in who.of_reach(world.staff[reader], rows)
    for reader in ("village_clerk", "village_head", "fund_manager", "cashier", "sysadmin"):
        assert not who.of_reach(world.staff[reader], rows)


def test_a_whole_number_is_read_with_a_reason_that_is_written_down(world: World) -> None:
    number = a_number()
    row = declared(world.village_clerk, number)

    with pytest.raises(ReasonNeeded):
        declaring.reveal_relative(row, by=world.township_clerk, reason="看")
    assert declaring.reveal_relative(row, by=world.township_clerk, reason="核对申报表") == number
    assert AccessLog.objects.filter(subject=f"relative:{row.pk}", fields="id_number", reason="核对申报表").count() == 1


@pytest.mark.parametrize(("column", "value"), MANY)
def test_what_was_declared_cannot_be_changed_in_sql(world: World, column: str, value: str) -> None:
    row = declared(world.village_clerk, a_number())

    with (
        pytest.raises(DatabaseError, match="stays as it was written"),
        transaction.atomic(),
        owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE families_conflictdeclaration SET {column} = {value} WHERE id = %s", [row.pk])


def test_a_declaration_is_neither_deleted_nor_taken_back_to_life_in_sql(world: World) -> None:
    row = declared(world.village_clerk, a_number())
    register.end(row, reason="写错了号码", by=world.county_reviewer)

    for statement in (
        "DELETE FROM families_conflictdeclaration",
        "UPDATE families_conflictdeclaration SET ended_on = NULL, ended_by_id = NULL, ender_person_key = NULL, end_reason = ''",
        "DELETE FROM families_relativestatement",
        "UPDATE families_relativestatement SET declared = 0",
    ):
        if "statement" in statement:
            register.state_own(by=world.village_clerk)
        with pytest.raises(DatabaseError), transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_one_statement_a_year_in_sql(world: World) -> None:
    made = register.state_own(by=world.village_clerk)

    with pytest.raises(IntegrityError, match="one_statement_a_year"), transaction.atomic():
        RelativeStatement.objects.create(
            person_key=made.person_key,
            name="x",
            unit=made.unit,
            year=2026,
            declared=0,
            stated_on=START,
            entered_by=made.entered_by,
        )
