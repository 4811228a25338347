"""Every constraint of the database is tried with a row that breaks it, in raw SQL. A new one without a bad row fails here.

A bad row is a copy of a good one with the columns named changed; checks are asked before keys, so a copy is enough.
"""

from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from casework import payments
from tests.casework.placing import put
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_rosters import drafted
from tests.casework.test_whole_way import pay
from tests.world import START, World, make_staff

OURS = {"audit", "access", "jobs", "flows", "families", "funds", "casework"}
# {constraint: (table, {column: SQL})}; a list of changes is tried one after the other.
BAD: dict[str, tuple[str, dict[str, str]]] = {
    # access
    "unit_dates_in_order": ("access_orgunit", {"valid_from": "'2026-02-02'", "valid_to": "'2026-02-01'"}),
    "unit_has_a_parent": ("access_orgunit", {"level": "'county'", "parent_id": "NULL"}),
    "one_open_appointment": ("access_appointment", {}),
    "appointment_dates_in_order": ("access_appointment", {"valid_to": "'2000-01-01'"}),
    "nobody_appoints_himself": ("access_appointment", {"appointed_by_id": "staff_id"}),
    "delegation_dates_in_order": ("access_delegation", {"valid_to": "'2000-01-01'"}),
    "nobody_delegates_to_himself": ("access_delegation", {"delegate_person_key": "principal_person_key"}),
    "delegation_has_a_reason": ("access_delegation", {"reason": "''"}),
    "grant_dates_in_order": ("access_grant", {"valid_to": "'2000-01-01'"}),
    "grant_has_a_reason": ("access_grant", {"reason": "''"}),
    "nobody_grants_himself": ("access_grant", {"approved_by_id": "staff_id"}),
    "one_open_recusal": ("access_recusal", {}),
    # audit
    "one_clock": ("audit_businessclock", {"id": "2"}),
    "access_has_a_reason": ("audit_accesslog", {"reason": "''"}),
    # flows
    "version_numbers_count_up": ("flows_programmeversion", {"valid_from": "'2030-01-01'"}),
    "one_rule_a_day": ("flows_programmeversion", {"number": "99"}),
    "author_is_not_publisher": ("flows_programmeversion", {"publisher_person_key": "author_person_key"}),
    "published_by_somebody": ("flows_programmeversion", {"publisher_person_key": "''"}),
    # families
    "id_number_with_its_index": ("families_person", {"id_number_sealed": "NULL"}),
    "no_id_needs_a_reason": ("families_person", {"id_number_sealed": "NULL", "person_key": "NULL"}),
    "death_after_birth": ("families_person", {"died_on": "birth_date - 1"}),
    "severity_of_hardship_only": ("families_household", {"is_hardship": "false"}),
    "one_household_at_a_time": ("families_householdmember", {}),
    "membership_dates_in_order": ("families_householdmember", {"valid_to": "valid_from - 1"}),
    "a_cause_once": ("families_hardshipcause", {"is_main": "false"}),
    "one_main_cause": ("families_hardshipcause", {"cause": "'disaster'"}),
    "means_once_a_year_and_source": ("families_householdmeans", {}),
    "means_not_negative": ("families_householdmeans", {"debt_fen": "-1"}),
    "help_once_a_source": ("families_helpreceived", {}),
    "help_not_negative": ("families_helpreceived", {"amount_fen": "-1"}),
    "one_active_account_a_household": ("families_bankaccount", {"uid": "gen_random_uuid()"}),
    "survey_versions_count_up": ("families_survey", {}),
    "two_different_surveyors": ("families_survey", {"second_person_key": "surveyor_person_key"}),
    "no_survey_without_consent": ("families_survey", {"consent_given": "false"}),
    "needs_in_own_words": ("families_survey", {"needs_words": "''"}),
    "a_new_version_says_why": ("families_survey", {"version": "2", "change_reason": "''"}),
    # funds
    "one_allocation_a_purpose": ("funds_allocation", {}),
    "one_fund_account": (
        "funds_account",
        {"kind": "'source'", "allocation_id": "NULL", **dict.fromkeys(("debit_fen", "credit_fen"), "0")},
    ),
    "one_allocation_account": (
        "funds_account",
        {
            "kind": "'paid'",
            "allocation_id": "(SELECT min(id) FROM funds_allocation)",
            "debit_fen": "0",
            "credit_fen": "0",
        },
    ),
    "account_at_its_level": (
        "funds_account",
        {"kind": "'paid'", "allocation_id": "NULL", "debit_fen": "0", "credit_fen": "0"},
    ),
    "reservation_is_positive": ("funds_reservation", {"amount_fen": "0"}),
    "released_at_most_once": ("funds_reservation", {"released_fen": "amount_fen + 1"}),
    "maker_is_not_checker": ("funds_paymentbatch", {"checker_person_key": "maker_person_key"}),
    "maker_is_not_releaser": ("funds_paymentbatch", {"releaser_person_key": "maker_person_key"}),
    "checker_is_not_releaser": ("funds_paymentbatch", {"releaser_person_key": "checker_person_key"}),
    "batch_state_has_its_persons": ("funds_paymentbatch", {"state": "'draft'"}),
    "payment_is_positive": ("funds_payment", {"amount_fen": "0"}),
    "one_living_payment_an_instalment": (
        "funds_payment",
        {"uid": "gen_random_uuid()", "key": "'other'", "state": "'listed'"},
    ),
    "returned_says_why": ("funds_payment", {"state": "'returned'", "returned_reason": "''"}),
    "transfer_is_positive": ("funds_transfer", {"amount_fen": "0"}),
    "reversal_says_why": (
        "funds_transfer",
        {"reverses_id": "id", "debit_id": "credit_id", "credit_id": "debit_id", "reason": "''"},
    ),
    "a_payment_moves_once": ("funds_transfer", {"key": "'other'"}),
    "transfer_has_two_sides": ("funds_transfer", {"credit_id": "debit_id"}),
    # casework
    "amount_not_negative": ("casework_case", {"amount_fen": "-1"}),
    "closed_with_its_date": ("casework_case", {"closed_on": "'2026-04-15'"}),
    "money_needs_a_tier": ("casework_case", {"state": "'paid'", "tier": "''"}),
    "one_open_case_a_programme": ("casework_case", {"case_no": "'other'"}),
    "one_person_one_duty": ("casework_caseduty", {"duty": "'release_payment'"}),
    "acts_count_up": ("casework_caseevent", {"key": "'other'"}),
    "deliberation_rounds_count_up": ("casework_deliberation", {}),
    "present_are_due": ("casework_deliberation", {"due_count": "1"}),
    "votes_not_negative": ("casework_deliberation", {"votes_abstain": "-1"}),
    "votes_by_those_present": ("casework_deliberation", {"votes_for": "present_count + 1", "votes_against": "0"}),
    "notice_rounds_count_up": ("casework_publicnotice", {}),
    "notice_lasts": ("casework_publicnotice", {"ends_on": "starts_on", "ended_on": "NULL", "outcome": "''"}),
    "notice_is_not_shortened": ("casework_publicnotice", {"outcome": "'clear'", "ended_on": "ends_on"}),
    "objection_answered_in_writing": ("casework_objection", {"upheld": "true", "answered_on": "'2026-04-15'"}),
    "a_measure_once_in_a_plan": ("casework_measure", {}),
    "delivered_with_its_date": ("casework_measure", {"title": "'x'", "state": "'delivered'"}),
    "visited_by_somebody": ("casework_followupvisit", {"visited_on": "'2026-04-15'", "visitor_id": "NULL"}),
    "satisfaction_1_to_5": ("casework_followupvisit", {"satisfaction": "6"}),
    "a_document_once_in_a_case": ("casework_casedocument", {}),
    "one_alert_a_step": ("casework_alert", {}),
    "one_draft_a_family_and_person": ("casework_surveydraft", {}),
    "roster_preparer_is_not_approver": ("casework_roster", {"approver_person_key": "preparer_person_key"}),
    "roster_state_has_its_persons": ("casework_roster", {"state": "'approved'"}),
    "roster_channel_is_whole": ("casework_roster", {"cash_reason": "'x'"}),
    "roster_amounts_are_positive": ("casework_roster", {"severe_fen": "0"}),
    "roster_cancelled_with_reason": ("casework_roster", {"state": "'cancelled'", "cancelled_on": "'2026-04-15'"}),
    "roster_lines_count_up": ("casework_rosterline", {}),
    "one_list_a_person_and_event": ("casework_rosterline", {"n": "99"}),
    "roster_line_is_positive": ("casework_rosterline", {"amount_fen": "0"}),
    "taken_out_with_reason": ("casework_rosterline", {"state": "'out'"}),
}
# Asked by the ledger's own tests, where the balance moves: an account cannot be copied with a balance.
ELSEWHERE = {
    "turnover_not_negative": "funds_account_guard refuses every balance that no transfer moved (tests/funds)",
    "never_overspent": "tests/funds/test_ledger.py: an overspend is refused in raw SQL",
}


def constraints() -> dict[str, str]:
    """{name: table} of every constraint that a model of ours declares."""
    return {
        constraint.name: model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for constraint in model._meta.constraints
        if isinstance(constraint, (models.CheckConstraint, models.UniqueConstraint))
    }


def test_every_constraint_has_its_bad_row() -> None:
    missing = set(constraints()) - set(BAD) - set(ELSEWHERE)
    assert not missing, f"write a bad row for {sorted(missing)}"
    assert set(BAD) <= set(constraints()), f"gone: {sorted(set(BAD) - set(constraints()))}"


@pytest.mark.django_db
def test_every_check_in_postgresql_comes_from_a_model_or_from_the_trail() -> None:
    """Nothing stands in the database that the list above does not know."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
               WHERE c.contype = 'c' AND t.relnamespace = 'public'::regnamespace
               AND split_part(t.relname, '_', 1) IN %s AND t.relname NOT LIKE 'audit\\_%%'""",
            [tuple(OURS)],
        )
        there = {name for (name,) in cursor.fetchall()}

    assert there <= set(constraints()), there - set(constraints())


def fill(world: World) -> None:
    """One good row in every table that the bad ones are copied from."""
    from access import services as access
    from access.models import Delegation
    from audit.models import AccessLog, BusinessClock
    from casework.models import Alert, Objection, SurveyDraft
    from families.models import HardshipCause, HelpReceived, HouseholdMeans

    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.plan(case, 1)
    batch = payments.build_batch([world.brought_to("fund_reserved").pk], by=world.fund_manager, key="batch-zzzzzzzz")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    Alert.objects.create(case=case, act=1, level=1, role="village_clerk", due_on=START, raised_on=START)
    SurveyDraft.objects.create(household=case.household, staff=world.village_clerk)
    Objection.objects.create(notice=case.notices.get(), raised_on=START, words="x")
    HardshipCause.objects.create(household=case.household, cause="illness", is_main=True, valid_from=START)
    HouseholdMeans.objects.create(household=case.household, year=2025, source="survey")
    HelpReceived.objects.create(household=case.household, source="ledger")
    helper = make_staff("helper", "x")
    access.delegate(
        world.township_approver.appointments.get(),
        helper,
        valid_from=START,
        valid_to=START,
        reason="休假",
        approved_by=world.sysadmin,
    )
    assert Delegation.objects.exists()
    access.grant(helper, "view_case", case, until=START, reason="抽查", approved_by=world.county_approver)
    access.recuse(helper.person_key, case.household_no, relation="x", by=world.sysadmin)
    BusinessClock.objects.update_or_create(pk=1, defaults={"date": None})
    AccessLog.objects.create(
        business_date=START, actor_id=1, actor_name="x", kind="unmask", subject="person:1", fields="id", reason="x"
    )
    put(world.open(), "draft")
    drafted(world)


def copy(table: str, changes: dict[str, str]) -> None:
    """Insert a copy of a row with some columns changed; raises what PostgreSQL says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall() if name != "id" or "id" in changes]
        where = {
            "casework_case": "WHERE is_open",
            "funds_paymentbatch": "WHERE state = 'released'",
            "funds_transfer": "WHERE payment_id IS NOT NULL",
        }.get(table, "")
        values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} {where} ORDER BY id LIMIT 1")
        assert cursor.rowcount == 1, f"no row to copy in {table}"


@pytest.mark.django_db
def test_postgresql_refuses_every_bad_row(world: World) -> None:
    fill(world)
    wrong: dict[str, Any] = {}
    for name, (table, changes) in BAD.items():
        try:
            with transaction.atomic():
                copy(table, changes)
        except DatabaseError as refusal:
            said = refusal.__cause__.diag.constraint_name
            if said != name:
                wrong[name] = said or str(refusal)
        else:
            wrong[name] = "was accepted"

    assert wrong == {}


@pytest.mark.django_db
def test_what_is_written_in_the_trail_is_not_changed_in_any_table(world: World) -> None:
    """Every table with an append-only trigger refuses UPDATE, DELETE and TRUNCATE of a row that is there."""
    fill(world)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """SELECT c.relname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 2)
               FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit_append_only'"""
        )
        tables = cursor.fetchall()
    assert len(tables) > 25
    for table, first in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            statements = [f"TRUNCATE {table} CASCADE"]
            if cursor.fetchone()[0]:
                statements += [f'UPDATE {table} SET "{first}" = "{first}"', f"DELETE FROM {table}"]
        for statement in statements:
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
