"""An order of erasure: proposed by one person, confirmed by another, carried out once it is; PostgreSQL knows all three."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.models import ErasureOrder
from tests.owner import owner
from tests.world import START, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(world: World) -> ErasureOrder:
    her = world.county_reviewer
    return ErasureOrder.objects.create(
        subject="household:1", streams=["household:1"], because="aided_file", due_since=START, basis="x",
        proposed_by=her.pk, proposer_person_key=her.person_key, proposed_at=timezone.now(),
    )  # fmt: skip


def by(name: str) -> str:
    """Confirmed by whom has this account."""
    her = f"FROM access_staff WHERE username = '{name}'"
    return f"confirmed_at = now(), confirmed_by = (SELECT id {her}), confirmer_person_key = (SELECT person_key {her})"


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        (by("county_reviewer"), "erased_by_two_persons"),
        ("done_at = now(), rows = 0", "erased_once_confirmed"),
        (by("county_approver") + ", done_at = now()", "erased_once_confirmed"),
        ("streams = '{household:2}'", "order_stays_as_it_was"),
    ],
)
def test_one_person_alone_erases_nothing(order: ErasureOrder, changes: str, law: str) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_erasureorder SET {changes} WHERE id = %s", [order.pk])

    assert caught.value.__cause__.diag.constraint_name == law
    order.refresh_from_db()
    assert order.confirmed_by is None and order.done_at is None
