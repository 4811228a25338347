"""Every door of the money, tried by the wrong person: with a post of another county, or with the very post of whoever
acted before."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import Appointment, OrgUnit, Staff
from access.scope import Bar, post_for
from audit import clock
from casework import payments
from casework.desks.funds.forms import new_key
from casework.errors import NotYourTurn, SecondDuty
from casework.rosters import deciding, paying, signing
from funds import bank_balance, bank_files, bank_formats, imprest, periods, providers, receipts
from funds.errors import NotYours, SamePerson
from funds.models import (
    BankFile,
    BankFormat,
    DepositAccount,
    ImprestFloat,
    Period,
    Proposal,
    Provider,
    Receipt,
    Reconciliation,
)
from tests.casework.test_rosters import AFTER_NOTICE, drafted, listed, money, with_the_bank
from tests.funds.floats import a_float, allocation_of, key
from tests.world import START, World, make_staff


def log_in(staff: Staff) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def standing_in_for(world: World, principal: Staff, role: str = "") -> Staff:
    """Somebody who has nothing but the post that `principal` lent."""
    posts = Appointment.objects.filter(staff=principal)
    deputy = make_staff("deputy", "代班")
    access.delegate(
        posts.get(role=role) if role else posts.get(),
        deputy,
        valid_from=START,
        valid_to=START + datetime.timedelta(days=120),
        reason="休假",
        approved_by=world.sysadmin,
    )
    return deputy


def of_elsewhere(world: World, role: str) -> Staff:
    """She holds the post in the county next door; here she is a clerk of the township, so that she sees things."""
    there, _new = OrgUnit.objects.get_or_create(
        code="990102",
        defaults={
            "name": "别县",
            "level": "county",
            "parent": world.county.parent,
            "province_id": world.county.province_id,
            "prefecture_id": world.county.prefecture_id,
            "valid_from": START,
        },
    )
    OrgUnit.objects.filter(pk=there.pk).update(county=there)
    staff = make_staff(f"next_door_{role}", role)
    access.appoint(staff, role, there, by=None, valid_from=START)
    access.appoint(staff, "township_clerk", world.township, by=None, valid_from=START)
    return staff


def a_provider(world: World) -> Provider:
    return providers.record(
        name="青禾敬老院", kind="care_home", unit=world.county, bank="禾丰农商银行", account_no="9999990000000055", by=world.fund_manager
    )  # fmt: skip


def a_sheet(world: World) -> Reconciliation:
    account = bank_balance.record_account(
        unit=world.county, name="专户", bank="禾丰农商银行", account_no="9999990000000099", opened_on=START, by=world.fund_manager
    )  # fmt: skip
    fen = bank_balance.books_fen(account, START)
    stated = bank_balance.state_balance(account, on=START, balance_fen=fen, reference="1", by=world.fund_manager)
    return bank_balance.prepare(stated, [], by=world.fund_manager, key=key())


# ---------------------------------------------------------------- with the post of whoever acted before


def test_a_lent_post_is_still_its_owners_and_a_post_of_ones_own_comes_first(world: World) -> None:
    deputy = standing_in_for(world, world.fund_manager)
    ask = {"roles": ("fund_manager", "fund_checker"), "place": world.county}
    assert post_for(deputy, **ask).principal_id == world.fund_manager.pk
    assert post_for(deputy, **ask, after=[world.fund_manager.person_key]) == Bar.STANDS_IN
    assert post_for(deputy, **ask, after=[deputy.person_key]) == Bar.ACTED
    assert post_for(world.cashier, **ask) == Bar.NO_POST
    assert post_for(of_elsewhere(world, "fund_manager"), **ask) == Bar.NO_POST

    access.appoint(deputy, "fund_checker", world.county, by=None, valid_from=START)

    post = post_for(deputy, **ask, after=[world.fund_manager.person_key])
    assert (post.role, post.principal_id) == ("fund_checker", None)


def test_the_proposers_deputy_closes_no_month(world: World) -> None:
    deputy = standing_in_for(world, world.fund_manager)
    with clock.frozen_at(datetime.date(2026, 5, 2)):
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key=key(), reason="四月")
        answer = log_in(deputy).post(reverse("funds:decide", args=[made.pk]), {"verb": "confirm"})
        month = log_in(deputy).get(reverse("funds:month", args=[world.county.pk, 2026, 4]))

    assert answer.status_code == 403 and "代班" in month.text
    assert Proposal.objects.get().state == "proposed" and not Period.objects.exists()


def test_the_preparers_deputy_reviews_no_reconciliation_and_sends_none_back(world: World) -> None:
    deputy, sheet = standing_in_for(world, world.fund_manager), a_sheet(world)

    for what in ({"do": "review"}, {"do": "send_back", "reason": "不"}):
        answer = log_in(deputy).post(reverse("funds:answer_reconciliation", args=[sheet.pk]), what)
        assert answer.status_code == 422 and "代班" in answer.text
    assert "代班" in log_in(deputy).get(reverse("funds:reconciliation", args=[sheet.pk])).text
    with pytest.raises(SamePerson, match="编制和复核"):
        bank_balance.review(sheet.pk, by=world.fund_manager)
    sheet.refresh_from_db()
    assert (sheet.state, sheet.reviewed_by) == ("prepared", None)


def test_whoever_stands_in_for_another_reviews_in_her_name(world: World) -> None:
    deputy, sheet = standing_in_for(world, world.fund_checker), a_sheet(world)

    bank_balance.review(sheet.pk, by=deputy)

    written = Reconciliation.history.filter(id=sheet.pk).latest("history_id")
    assert (written.history_user_id, written.history_behalf_id) == (deputy.pk, world.fund_checker.pk)


def test_the_recorders_deputy_compares_no_account_of_a_provider(world: World) -> None:
    deputy, home = standing_in_for(world, world.fund_manager), a_provider(world)

    page = log_in(deputy).get(reverse("funds:provider", args=[home.pk]))
    answer = log_in(deputy).post(reverse("funds:check_provider", args=[home.pk]), {"key": new_key()})

    assert answer.status_code == 403 and not page.context["may_check"]
    assert Provider.objects.get().checked_by is None


def test_the_preparers_deputy_approves_no_list(world: World) -> None:
    money(world)
    access.appoint(world.township_clerk, "township_approver", world.township, by=None, valid_from=START)
    deputy = standing_in_for(world, world.township_clerk, "township_approver")
    roster = drafted(world, 2)
    deciding.put_up(roster.pk, place="村委会公告栏", by=world.township_clerk)

    with clock.frozen_at(AFTER_NOTICE), pytest.raises(SecondDuty, match="代班"):
        deciding.approve(roster.pk, by=deputy)

    roster.refresh_from_db()
    assert roster.approved_by is None

    with clock.frozen_at(AFTER_NOTICE):
        deciding.approve(roster.pk, by=world.township_approver)
        with pytest.raises(SecondDuty, match="代班"):
            signing.sign_again(roster.lines.first(), because="看过存折", by=deputy)
    assert roster.lines.first().signatures.count() == 1


def test_the_makers_deputy_checks_no_batch_of_a_list_and_the_checkers_releases_none(world: World) -> None:
    access.appoint(world.fund_manager, "fund_checker", world.county, by=None, valid_from=START)
    deputy = standing_in_for(world, world.fund_manager, "fund_checker")
    _roster, batch = listed(world, 2)
    with clock.frozen_at(AFTER_NOTICE):
        with pytest.raises(SecondDuty, match="代班"):
            payments.check_batch(batch.pk, by=deputy, key="c")
        page = log_in(deputy).get(reverse("funds:batch", args=[batch.pk]))
        assert page.context["check_form"] is None and "代班" in page.text
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")
        access.appoint(world.fund_checker, "cashier", world.county, by=None, valid_from=START)
        access.delegate(
            Appointment.objects.get(staff=world.fund_checker, role="cashier"),
            deputy,
            valid_from=START,
            valid_to=START + datetime.timedelta(days=120),
            reason="休假",
            approved_by=world.sysadmin,
        )
        with pytest.raises(SecondDuty, match="代班"):
            payments.release_batch(batch.pk, by=Staff.objects.get(pk=deputy.pk), key="r")

    batch.refresh_from_db()
    assert (batch.state, batch.releaser) == ("checked", None)
    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}


# ---------------------------------------------------------------- a post in one county, reach in another


def test_a_batch_of_a_list_is_no_business_of_another_county(world: World) -> None:
    _roster, batch = listed(world, 2)
    checker, cashier = of_elsewhere(world, "fund_checker"), of_elsewhere(world, "cashier")
    with clock.frozen_at(AFTER_NOTICE):
        with pytest.raises(NotYourTurn):
            payments.check_batch(batch.pk, by=checker, key="c")
        log_in(checker).post(reverse("funds:check", args=[batch.pk]), {"key": new_key()})
        payment = batch.payments.first()
        log_in(checker).post(reverse("rosters:unlist", args=[payment.pk]), {"key": new_key(), "reason": "x"})
        with pytest.raises(NotYourTurn):
            paying.unlist(payment.pk, by=checker, reason="x")
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")
        with pytest.raises(NotYourTurn):
            payments.release_batch(batch.pk, by=cashier, key="r")

    batch.refresh_from_db()
    assert (batch.state, batch.checker) == ("checked", world.fund_checker)
    assert set(batch.payments.values_list("state", flat=True)) == {"listed"}


def test_the_answers_to_a_list_are_recorded_by_nobody_of_another_county(world: World) -> None:
    _roster, batch = with_the_bank(world, 2)
    cashier = of_elsewhere(world, "cashier")
    with clock.frozen_at(AFTER_NOTICE), pytest.raises(NotYourTurn):
        payments.record_answers(
            [payments.Answer(row.pk, True, bank_reference=str(row.pk)) for row in batch.payments.all()], by=cashier, key="a"
        )  # fmt: skip

    assert set(batch.payments.values_list("state", flat=True)) == {"sent"}


def test_a_float_is_filled_and_reviewed_by_nobody_of_another_county(world: World) -> None:
    box = a_float(world, 500_000, 100_000)
    manager, checker = of_elsewhere(world, "fund_manager"), of_elsewhere(world, "fund_checker")
    counted = imprest.count(box, cash_fen=100_000, bank_fen=0, by=world.township_clerk, key=key())

    for name in ("imprest_advance", "imprest_give_up"):
        given = {"key": new_key(), "amount_fen": "50", "document_no": "x"}
        assert log_in(manager).post(reverse(f"funds:{name}", args=[box.pk]), given).status_code == 403
    assert (
        log_in(checker).post(reverse("funds:imprest_review", args=[counted.pk]), {"key": new_key()}).status_code == 403
    )
    for refused in (
        lambda: imprest.advance(box, 1_000, by=manager, key=key()),
        lambda: imprest.give_up(box, 1_000, by=manager, key=key()),
        lambda: imprest.review(counted, by=checker),
        lambda: imprest.propose_limit(allocation_of(world), 1, world.township_clerk, by=manager, key=key(), reason="x"),
    ):
        with pytest.raises(NotYours):
            refused()

    counted.refresh_from_db()
    assert imprest.holding(ImprestFloat.objects.get()).book_fen == 100_000 and counted.reviewer is None


def _record_provider(world: World, by: Staff) -> Any:
    return providers.record(
        name="x", kind="care_home", unit=world.county, bank="b", account_no="9999990000000077", by=by
    )


def _receive(world: World, by: Staff) -> Any:
    income = receipts.Income(kind="fiscal", amount_fen=1, received_on=START, document_no="禾财 1")
    return receipts.record(world.fund, income, by=by, key=key())


def _account(world: World, by: Staff) -> Any:
    return bank_balance.record_account(
        unit=world.county, name="x", bank="b", account_no="9999990000000088", opened_on=START, by=by
    )


@pytest.mark.parametrize(
    ("step", "left"),
    [(_record_provider, Provider), (_receive, Receipt), (_account, DepositAccount)],
)
def test_what_belongs_to_a_county_is_written_down_by_nobody_of_another(
    world: World, step: Callable[[World, Staff], Any], left: type[Any]
) -> None:
    with pytest.raises(NotYours, match="禾源县|青禾"):
        step(world, of_elsewhere(world, "fund_manager"))

    assert not left.objects.exists()
    step(world, world.fund_manager)
    assert left.objects.count() == 1


def test_a_provider_is_compared_and_ended_by_nobody_of_another_county(world: World) -> None:
    home, checker, manager = a_provider(world), of_elsewhere(world, "fund_checker"), of_elsewhere(world, "fund_manager")
    with pytest.raises(NotYours):
        providers.check(home, by=checker)
    with pytest.raises(NotYours):
        providers.end(home, by=manager)

    home = Provider.objects.get()
    assert (home.checked_by, home.ended_on) == (None, None)


def test_a_reconciliation_is_reviewed_by_nobody_of_another_county(world: World) -> None:
    sheet = a_sheet(world)
    with pytest.raises(NotYours):
        bank_balance.review(sheet.pk, by=of_elsewhere(world, "fund_checker"))

    assert Reconciliation.objects.get().state == "prepared"


# ---------------------------------------------------------------- commands ask what pages ask


def test_whoever_records_no_answers_posts_none_and_teaches_no_format_on_the_console(
    world: World, tmp_path: Path
) -> None:
    bank_formats.seed()
    answer, form = tmp_path / "answer.csv", tmp_path / "format.json"
    answer.write_text(
        "流水号,账号,户名,金额,交易状态,失败原因\nX1,9999990000000011,江正,100.00,成功,\n", encoding="gb18030"
    )
    spec = BankFormat.objects.get(code="HFNS", direction="in").spec | {"code": "NEWBANK", "name": "新银行"}
    form.write_text(json.dumps(spec), encoding="utf-8")
    for username in ("village_clerk", "fund_checker", "sysadmin"):
        with pytest.raises(CommandError, match="由出纳或资金管理办"):
            call_command("payments", "format", str(form), "--by", username)
        with pytest.raises(NotYours, match="由出纳或资金管理办"):
            bank_formats.teach("HFNS", "x", {"已入账": "credited"}, by=Staff.objects.get(username=username))
    judged = bank_files.judge(answer.open("rb"), "COMMON", by=world.fund_checker)
    with pytest.raises(NotYours, match="由出纳或资金管理办"):
        bank_files.post(judged, by=world.fund_checker, filename="answer.csv", sha256="0" * 64)

    assert not BankFormat.objects.filter(code="NEWBANK").exists() and not BankFile.objects.exists()
