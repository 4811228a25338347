"""Promises are kept once, in one transaction with their mark; failures wait longer and longer and are never given up."""

import datetime
import logging

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs import delivery, health, outbox, tasks
from jobs.models import Outbox
from jobs.worker import Worker
from tests.owner import owner

kept: list[int] = []
is_broken = False


@outbox.handles("test.note")
def note(payload: dict, outbox_id: int) -> None:
    Outbox.objects.create(topic="test.effect", key=f"effect:{outbox_id}", done_at=timezone.now())
    if is_broken:
        raise ValueError("身份证 999999\nDETAIL: 江正平")
    kept.append(outbox_id)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    kept.clear()
    monkeypatch.setattr(f"{__name__}.is_broken", False)


def promise(key: str = "k1", **more) -> Outbox:
    with transaction.atomic():
        outbox.put("test.note", key=key, **more)
    return Outbox.objects.get(key=key)


def test_a_promise_is_kept_once(db: None) -> None:
    row = promise()
    promise()

    assert Worker().drain() == 1
    assert Worker().drain() == 0
    assert tasks.deliver.apply(args=[row.pk]).result is False
    assert kept == [row.pk]
    row.refresh_from_db()
    assert row.done_at and row.attempts == 1 and row.error == "" and row.leased_until is None


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing_in_the_outbox() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.put("test.note", key="gone")
        raise ZeroDivisionError
    with pytest.raises(transaction.TransactionManagementError):
        outbox.put("test.note", key="outside")

    assert not Outbox.objects.exists()


def test_a_failure_leaves_no_effect_and_waits_longer_each_time(db: None, monkeypatch, caplog) -> None:
    monkeypatch.setattr(f"{__name__}.is_broken", True)
    row = promise()
    waits = []
    for _ in range(3):
        Outbox.objects.filter(pk=row.pk).update(not_before=None)
        with caplog.at_level(logging.INFO):
            Worker().drain()
        row.refresh_from_db()
        waits.append((row.not_before - timezone.now()).total_seconds())

    assert row.attempts == 3 and row.done_at is None and row.error == "ValueError: 身份证 999999"
    assert [round(wait) for wait in waits] == pytest.approx([2, 4, 8], abs=1)
    assert not Outbox.objects.filter(topic="test.effect").exists()
    assert "999999" not in caplog.text and "ValueError" in caplog.text

    monkeypatch.setattr(f"{__name__}.is_broken", False)
    assert Worker().drain() == 0
    Outbox.objects.filter(pk=row.pk).update(not_before=None)
    assert Worker().drain() == 1
    row.refresh_from_db()
    assert row.done_at and row.error == ""


def test_a_topic_that_nobody_handles_is_kept_and_shown(db: None) -> None:
    with transaction.atomic():
        outbox.put("test.nobody", key="n")
    Worker().drain()
    Outbox.objects.filter(key="n").update(attempts=health.STUCK_ATTEMPTS)

    assert [(one.kind, one.name) for one in health.troubles()] == [("stuck", "test.nobody")]
    assert "NoHandler" in Outbox.objects.get(key="n").error


def test_not_before_is_waited_for(db: None) -> None:
    row = promise(not_before=timezone.now() + datetime.timedelta(hours=1))

    assert Worker().drain() == 0
    Outbox.objects.filter(pk=row.pk).update(not_before=timezone.now() - datetime.timedelta(hours=1))
    assert Worker().drain() == 1


def test_a_claim_is_exclusive_until_its_lease_runs_out(db: None) -> None:
    row = promise()

    assert delivery.claim(limit=5, lease_seconds=60) == [row.pk]
    assert delivery.claim(limit=5, lease_seconds=60) == []
    Outbox.objects.filter(pk=row.pk).update(leased_until=timezone.now() - datetime.timedelta(seconds=1))
    assert delivery.claim(limit=5, lease_seconds=60) == [row.pk]
    row.refresh_from_db()
    assert row.attempts == 2 and (row.leased_until - timezone.now()).total_seconds() > 100  # doubled
    delivery.give_back([row.pk])
    assert delivery.claim(limit=5, lease_seconds=60) == [row.pk]


def test_a_lease_from_before_the_clock_was_set_back_holds_nothing_up(db: None) -> None:
    row = promise()
    Outbox.objects.filter(pk=row.pk).update(leased_until=timezone.now() + datetime.timedelta(days=400))

    assert delivery.claim(limit=5, lease_seconds=60) == [row.pk]
    assert delivery.claim(limit=5, lease_seconds=60) == []


@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_worker_holds_is_left_alone() -> None:
    row = promise()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM jobs_outbox WHERE id = %s FOR UPDATE", [row.pk])
        assert tasks.deliver.apply(args=[row.pk]).result is False
        assert delivery.claim(limit=5, lease_seconds=60) == []
        cursor.execute("ROLLBACK")
    other.close()

    assert tasks.deliver.apply(args=[row.pk]).result is True and kept == [row.pk]


@pytest.mark.django_db(transaction=True)
def test_a_constraint_that_speaks_at_commit_is_a_failure_like_any_other() -> None:
    @outbox.handles("test.late")
    def late(payload: dict, outbox_id: int) -> None:
        with owner(), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            cursor.execute("INSERT INTO late VALUES (1), (1)")

    with transaction.atomic():
        outbox.put("test.late", key="late")

    assert Worker().drain() == 1
    row = Outbox.objects.get(key="late")
    assert row.done_at is None and row.error.startswith("IntegrityError") and "DETAIL" not in row.error
