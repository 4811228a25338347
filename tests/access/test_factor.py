"""The second factor: sealed, once per code, recoverable once per recovery code, and asked before what matters."""

import datetime
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from access import confirming, factor
from access.errors import BadFactor
from access.models import RecoveryCode, SecondFactor, Staff
from access.switch import read_switch
from tests.desks.test_township import login
from tests.world import World, case_now

PASSWORD = "a-long-password-1"


@pytest.fixture
def factor_on(settings: Any) -> None:
    settings.SECOND_FACTOR = True


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Move the telephone's and the server's clock by seconds."""
    start = 1_776_000_000.0
    now = [start]
    monkeypatch.setattr("time.time", lambda: now[0])

    def move(seconds: int) -> None:
        now[0] = start + seconds

    return move


def code_of(staff: Staff, steps: int = 0) -> str:
    import time

    return pyotp.TOTP(factor.secret_of(SecondFactor.objects.get(staff=staff, ended_at=None))).at(
        int(time.time()) + 30 * steps
    )


def enrolled(staff: Staff) -> list[str]:
    factor.begin(staff)
    return factor.enrol(staff, code_of(staff, -1))


# ---------------------------------------------------------------- the factor itself


def test_the_key_stands_nowhere_in_clear(world: World) -> None:
    enrolled(world.cashier)
    row = SecondFactor.objects.get(staff=world.cashier)
    secret = factor.secret_of(row)

    kept = f"{bytes(row.secret_sealed)!r} {list(row.history.values())} {list(RecoveryCode.objects.values())}"
    assert secret not in kept and "secret" not in str(list(row.history.values()))
    assert {name for name in row.history.values()[0] if "secret" in name} == set()


def test_a_key_moved_to_another_account_does_not_open(world: World) -> None:
    from access.errors import DecryptionFailed

    enrolled(world.cashier)
    mine, other = SecondFactor.objects.get(staff=world.cashier), factor.begin(world.fund_checker)
    other.secret_sealed = mine.secret_sealed

    with pytest.raises(DecryptionFailed):
        factor.secret_of(other)


def test_a_code_serves_once_and_an_older_one_not_after_a_newer(world: World, at: Any) -> None:
    enrolled(world.cashier)

    assert factor.use(world.cashier, code_of(world.cashier))
    assert not factor.use(world.cashier, code_of(world.cashier))
    assert not factor.use(world.cashier, code_of(world.cashier, -1))
    at(30)
    assert factor.use(world.cashier, code_of(world.cashier))


@pytest.mark.parametrize(("steps", "does"), [(-2, False), (0, True), (1, True), (2, False)])
def test_a_telephone_may_be_half_a_minute_off(world: World, at: Any, steps: int, does: bool) -> None:
    enrolled(world.cashier)
    at(300)

    assert factor.use(world.cashier, code_of(world.cashier, steps)) is does


def test_a_recovery_code_serves_once(world: World) -> None:
    codes = enrolled(world.cashier)

    assert len(set(codes)) == 10
    assert factor.use(world.cashier, codes[3].upper()) and not factor.use(world.cashier, codes[3])
    assert factor.recovery_codes_left(world.cashier) == 9
    assert not set(codes) & set(RecoveryCode.objects.values_list("digest", flat=True))
    assert RecoveryCode.objects.get(used_at__isnull=False).history.latest("history_id").history_change_reason


def test_nobody_enrols_over_a_factor_or_takes_her_own_away(world: World) -> None:
    enrolled(world.cashier)

    with pytest.raises(BadFactor):
        factor.begin(world.cashier)
    with pytest.raises(BadFactor):
        factor.end(world.cashier, by=world.cashier, reason="换手机")
    assert factor.end(world.cashier, by=world.sysadmin, reason="换手机")
    assert not factor.use(world.cashier, "123456") and factor.factor_of(world.cashier) is None
    factor.begin(world.cashier)


@pytest.mark.parametrize(
    "change",
    [
        "last_step = last_step - 1",
        "staff_id = (SELECT id FROM access_staff WHERE username = 'auditor')",
        "secret_sealed = 'x'",
        "enrolled_at = NULL",
    ],
)
def test_the_database_keeps_a_factor_as_it_was(world: World, change: str) -> None:
    enrolled(world.cashier)

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE access_secondfactor SET {change}")


def test_the_database_lets_a_recovery_code_serve_once(world: World) -> None:
    codes = enrolled(world.cashier)
    factor.use(world.cashier, codes[0])

    with pytest.raises(DatabaseError, match="serves once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE access_recoverycode SET used_at = NULL WHERE used_at IS NOT NULL")


def test_the_switch_is_on_off_or_a_day() -> None:
    assert (read_switch("on"), read_switch("off")) == (True, False)
    assert read_switch("2027-01-01") == datetime.date(2027, 1, 1)
    with pytest.raises(ValueError, match="CASEWORK_SECOND_FACTOR"):
        read_switch("maybe")


# ---------------------------------------------------------------- enrolling


def test_enrolment_asks_for_the_password_and_shows_the_recovery_codes_once(world: World, at: Any) -> None:
    client = login(Client(), world.cashier)
    page = client.get("/account/factor/").text
    assert 'class="qr"' in page and "style=" not in page

    wrong = client.post("/account/factor/", {"password": "x", "code": code_of(world.cashier)})
    assert wrong.status_code == 422 and factor.factor_of(world.cashier) is None
    done = client.post("/account/factor/", {"password": PASSWORD, "code": code_of(world.cashier)})

    assert len(done.context["codes"]) == 10 and "no-store" in done["Cache-Control"]
    again = client.get("/account/factor/").text
    assert done.context["codes"][0] not in again and '<svg class="qr"' not in again


def test_without_a_factor_the_way_leads_to_enrolment_and_back(world: World, factor_on: None) -> None:
    case = world.brought_to("township_decision")
    client = login(Client(), world.township_approver)
    url = f"/township/review/{case.pk}/"
    page = client.get(url)
    assert "先绑定动态码" in page.text

    form = page.context["form"]
    sent = {"key": form["key"].value(), "seen": form["seen"].value(), "decision": "approve", "note": "同意，核过了"}
    answer = client.post(url, sent)

    assert answer.url.startswith("/account/factor/?next=") and case_now(case).state == "township_decision"


# ---------------------------------------------------------------- asked before what matters


def decide(client: Client, case: Any, **more: str) -> Any:
    url = f"/township/review/{case.pk}/"
    form = client.get(url).context["form"]
    sent = {"key": form["key"].value(), "seen": form["seen"].value(), "decision": "approve", "note": "同意，核过了"}
    return client.post(url, sent | more)


def test_approving_takes_a_code_which_holds_five_minutes(world: World, factor_on: None, at: Any) -> None:
    first, second, third = (world.brought_to("township_decision") for _n in range(3))
    enrolled(world.township_approver)
    client = login(Client(), world.township_approver)

    assert "请填动态码" in decide(client, first).text
    assert "动态码不对" in decide(client, first, code="000000").text
    assert case_now(first).state == "township_decision"
    decide(client, first, code=code_of(world.township_approver))
    assert case_now(first).state != "township_decision"

    at(299)
    decide(client, second)
    assert case_now(second).state != "township_decision"
    at(301)
    assert "请填动态码" in decide(client, third).text
    assert case_now(third).state == "township_decision"


def test_sending_back_takes_no_code(world: World, factor_on: None) -> None:
    case = world.brought_to("township_decision")
    enrolled(world.township_approver)
    client = login(Client(), world.township_approver)

    decide(client, case, decision="return", reason_code="papers_missing", note="材料不清，请补正")

    assert case_now(case).state == "returned"


def test_a_page_that_forgot_to_ask_is_refused_by_the_service(world: World, factor_on: None, rf: Any) -> None:
    """The case's own acts, whatever page they come from."""
    from casework.acting import act

    case = world.brought_to("township_decision")
    enrolled(world.township_approver)
    request = rf.post("/")
    request.user, request.session = world.township_approver, {}
    middleware = confirming.ConfirmingMiddleware(lambda r: act(case.pk, "approve", by=r.user, key="k"))

    with pytest.raises(confirming.NotConfirmed):
        middleware(request)
    assert case_now(case).state == "township_decision"


def test_a_number_in_full_takes_a_code(world: World, factor_on: None) -> None:
    household = world.household()
    enrolled(world.township_clerk)
    client = login(Client(), world.township_clerk)
    url = reverse("cases:reveal_person", args=[household.pk, household.head_id])

    refused = client.post(url, {"reason": "核对户口本"})
    assert refused.context["number"] == "" and "请填动态码" in refused.text
    shown = client.post(url, {"reason": "核对户口本", "code": code_of(world.township_clerk)})
    assert shown.context["number"]


def test_money_takes_a_fresh_code_each_time(world: World, factor_on: None, at: Any) -> None:
    from tests.desks.test_paying import checked, new_key, payment_of

    cases = [world.brought_to("fund_reserved") for _n in range(2)]
    batches = [checked(world, case) for case in cases]
    enrolled(world.cashier)
    client = login(Client(), world.cashier)

    def release(batch: Any, code: str) -> Any:
        sent = {"key": new_key(), "count": "1", "total_fen": "2000", "code": code}
        return client.post(reverse("funds:release", args=[batch.pk]), sent, follow=True)

    release(batches[0], code_of(world.cashier))
    assert payment_of(cases[0]).state == "sent"
    release(batches[1], code_of(world.cashier))  # the same half minute: seen by whoever looked over her shoulder
    assert payment_of(cases[1]).state == "listed"
    at(30)
    release(batches[1], code_of(world.cashier))
    assert payment_of(cases[1]).state == "sent"


def test_five_wrong_codes_close_it_for_the_account_and_for_nobody_else_at_that_address(
    world: World, factor_on: None, at: Any
) -> None:
    case, other = world.brought_to("township_decision"), world.brought_to("township_decision")
    enrolled(world.township_approver)
    enrolled(world.township_approver_2)
    client, neighbour = login(Client(), world.township_approver), login(Client(), world.township_approver_2)

    for _wrong in range(confirming.MOST_WRONG):
        decide(client, case, code="000000")
    assert "十五分钟以后再试" in decide(client, case, code=code_of(world.township_approver)).text
    assert case_now(case).state == "township_decision"

    decide(neighbour, other, code=code_of(world.township_approver_2))
    assert case_now(other).state != "township_decision"


def test_a_trail_leaves_the_house_with_a_code_only(world: World, factor_on: None) -> None:
    from audit.models import AccessLog

    case = world.open()
    enrolled(world.auditor)
    client = login(Client(), world.auditor)
    url = reverse("audit:export", args=[case.pk])

    assert "请填动态码" in client.post(url, {"form": "json", "reason": "年度抽查"}).text
    assert not AccessLog.objects.filter(kind="export").exists()
    taken = client.post(url, {"form": "json", "reason": "年度抽查", "code": code_of(world.auditor)})
    assert taken["Content-Disposition"].startswith("attachment")
    assert AccessLog.objects.filter(kind="export").count() == 1


def test_a_case_page_and_a_list_ask_as_well(world: World, factor_on: None) -> None:
    case = world.brought_to("township_decision")
    enrolled(world.township_approver)
    client = login(Client(), world.township_approver)
    url = reverse("cases:act", args=[case.pk, "approve"])

    form = client.get(url).context["form"]
    assert "code" in form.fields
    client.post(url, {"key": form["key"].value(), "reason": "同意"})
    assert case_now(case).state == "township_decision"
    client.post(url, {"key": form["key"].value(), "reason": "同意", "code": code_of(world.township_approver)})
    assert case_now(case).state != "township_decision"
