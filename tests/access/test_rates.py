"""What anybody may do without an account has an hourly bound, whichever process is asked."""

import datetime
import threading

import pytest
from django.db import connection

from access.models import Rate
from access.rates import is_too_often

HOUR = datetime.timedelta(hours=1)


@pytest.mark.django_db
def test_ten_an_hour_are_enough_for_one_address_and_leave_another_alone() -> None:
    answers = [is_too_often("objection", "10.0.0.1", most=10, within=HOUR) for _n in range(11)]

    assert answers == [False] * 10 + [True]
    assert not is_too_often("objection", "10.0.0.2", most=10, within=HOUR)
    assert not is_too_often("something else", "10.0.0.1", most=10, within=HOUR)


@pytest.mark.django_db
def test_the_hour_begins_anew_and_yesterday_is_forgotten() -> None:
    for address in ("10.0.0.1", "10.0.0.2"):
        assert not is_too_often("objection", address, most=1, within=HOUR)
    made = Rate.objects.order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE access_rate SET since = since - interval '61 minutes' WHERE key = %s", [made[0].pk])
        cursor.execute("UPDATE access_rate SET since = since - interval '25 hours' WHERE key = %s", [made[1].pk])
    old = made[1].pk

    answers = {address: is_too_often("objection", address, most=1, within=HOUR) for address in ("10.0.0.1", "10.0.0.2")}

    assert answers == {"10.0.0.1": False, "10.0.0.2": False}
    assert Rate.objects.get(pk=old).count == 1 and Rate.objects.count() == 2


@pytest.mark.django_db
def test_no_address_is_kept() -> None:
    is_too_often("objection", "10.0.0.1", most=10, within=HOUR)

    assert "10.0.0.1" not in str(Rate.objects.values_list())


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_all_counted() -> None:
    answers: list[bool] = []

    def object_once() -> None:
        try:
            answers.append(is_too_often("objection", "10.0.0.1", most=5, within=HOUR))
        finally:
            connection.close()

    threads = [threading.Thread(target=object_once) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [False] * 5 + [True] * 3
