"""What PostgreSQL itself refuses to take from a relative: each row was good, and is not any more once she is one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access import services as access
from access.models import Staff
from audit import clock
from casework.relatives import who
from families.models import Household
from tests.casework.relatives.kin import a_number, declared, member, visited
from tests.casework.relatives.test_elsewhere import family_of, owed, proposed
from tests.casework.test_imprest_case import paid_at_once
from tests.casework.test_no_dead_ends import emergency
from tests.casework.test_rosters import LATER, handed, line, with_the_bank
from tests.funds import shelves
from tests.funds.floats import a_float, second
from tests.owner import owner
from tests.world import World

# What is written down, and the family that it is for; and who writes it, in the columns of which person.
Way = tuple[Household, Callable[[], Any]]


def cash_of_a_list(world: World) -> Way:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")

    def write() -> None:
        with clock.frozen_at(LATER):
            handed(world, batch.payments.get())

    return line(roster).household, write


def money_of_a_float(world: World) -> Way:
    a_float(world)
    second(world)
    case = emergency(world, 100_000)
    return case.household, lambda: paid_at_once(world, case, confirmed=False)


def goods(world: World) -> Way:
    household, store, item = world.household(), shelves.a_store(world, needs_witness=True), shelves.an_item(world)
    shelves.stocked(world, store, item, 5)
    to = shelves.stock.Handout(household.household_no, household.head_name, world.village, household.head_name)
    return household, lambda: shelves.issued(world, store, item, 1, to=to, witness=world.village_clerk)


def a_visit(world: World) -> Way:
    case = world.brought_to("county_decision", amount_fen=500_000)
    return case.household, lambda: visited(world, case)


def a_write_off(world: World) -> Way:
    recovery = owed(world)
    return family_of(recovery), lambda: proposed(world, recovery)


ROWS: dict[str, tuple[str, Callable[[World], Way], str]] = {
    "who hands out cash": ("funds_cashhandover", cash_of_a_list, "village_clerk"),
    "who hands out cash with her": ("funds_cashhandover", cash_of_a_list, "resident_cadre"),
    "who pays out of the float": ("funds_imprestspend", money_of_a_float, "township_clerk"),
    "who pays out of the float with her": ("funds_imprestspend", money_of_a_float, "secretary"),
    "who hands out goods": ("funds_stockslip", goods, "township_clerk"),
    "who hands out goods with her": ("funds_stockslip", goods, "village_clerk"),
    "who visits": ("casework_homecheck", a_visit, "county_reviewer"),
    "who proposes to write a debt off": ("funds_proposal", a_write_off, "fund_manager"),
}


@pytest.mark.parametrize("name", ROWS)
def test_nobody_acts_for_a_relative_in_sql(world: World, name: str) -> None:
    table, way, relative = ROWS[name]
    household, write = way(world)
    row = written_and_taken_back(table, write)
    insert(table, row, keep=False)  # a stranger may
    becomes_a_relative(Staff.objects.get(username=relative), household)

    with pytest.raises(DatabaseError) as caught:
        insert(table, row)

    assert caught.value.__cause__.diag.constraint_name == "nobody_acts_for_own_family"
    assert count(table, row) == 0


def becomes_a_relative(person: Staff, household: Household) -> None:
    """She declares a member; who has nothing to declare keeps out of the family."""
    if not who.must_declare(person):
        access.recuse(person.person_key, household.household_no, relation="侄女", by=person)
        return
    number = a_number()
    member(household, number)
    declared(person, number)


class TakenBackError(Exception):
    """Ends the block that is undone."""


def written_and_taken_back(table: str, write: Callable[[], Any]) -> str:
    """The row that a service writes, as JSON; nothing of it is left."""
    row = ""
    try:
        with transaction.atomic():
            write()
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY id DESC LIMIT 1")
                row = cursor.fetchone()[0]
            raise TakenBackError
    except TakenBackError:
        assert count(table, row) == 0
        return row


def insert(table: str, row: str, *, keep: bool = True) -> None:
    """In raw SQL, as the owner of the tables."""
    try:
        with transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, %s::jsonb)).*", [row])
            if not keep:
                raise TakenBackError
    except TakenBackError:
        return


def count(table: str, row: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE id = (%s::jsonb ->> 'id')::bigint", [row])
        return cursor.fetchone()[0]
