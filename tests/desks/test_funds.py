"""The funds desk: its figures are the ledger's, and three persons are three persons."""

import datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit import clock
from audit.cells import plain_cell
from audit.models import AccessLog
from casework import payments
from casework.desks.funds import figures
from casework.desks.funds.forms import new_key
from casework.desks.funds.menu import my_turn
from casework.desks.funds.reach import demand_for_unit
from casework.models import Case, CaseDuty
from families import services as families
from families.models import Household
from funds import ledger, receipts
from funds import services as funds
from funds.models import Fund, Payment, PaymentBatch, Transfer
from tests.casework.test_rosters import approved
from tests.world import START, World, case_now, make_staff

PASSWORD = "a-long-password-1"  # tests.world gives everybody this one


@pytest.fixture
def log_in() -> Any:
    def log_in(staff: Any) -> Client:
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


def a_batch(world: World, *cases: Case, upto: str = "draft") -> PaymentBatch:
    batch = payments.build_batch([case.pk for case in cases], by=world.fund_manager, key=new_key(), title="四月")
    if upto != "draft":
        payments.check_batch(batch.pk, by=world.fund_checker, key=new_key())
    if upto == "released":
        payments.release_batch(batch.pk, by=world.cashier, key=new_key())
    batch.refresh_from_db()
    return batch


def payment_of(case: Case) -> Payment:
    return Payment.objects.filter(subject=case.subject).latest("id")


# ---------------------------------------------------------------- figures


def test_every_list_adds_up_to_the_ledger(world: World, log_in: Any) -> None:
    paid, held = (
        world.brought_to("fund_reserved", amount_fen=200_000),
        world.brought_to("fund_reserved", amount_fen=70_050),
    )
    batch = a_batch(world, paid, upto="released")
    payments.record_answers([payments.Answer(payment_of(paid).pk, True)], by=world.cashier, key="a")
    fund, allocation = world.fund, payment_of(paid).reservation.allocation
    client = log_in(world.fund_manager)

    home = client.get(reverse("funds:home")).context
    page = client.get(reverse("funds:fund", args=[fund.pk])).context
    lists = {
        (name, of): client.get(reverse("funds:figure", args=[fund.pk, name]), {"allocation": of} if of else {}).context[
            "sum_fen"
        ]
        for name in ("committed", "paid")
        for of in ("", allocation.pk)
    }

    balance = ledger.balances([fund])[fund.pk]
    part = ledger.allocation_balances([allocation])[allocation.pk]
    assert (home["whole"].total_fen, home["whole"].paid_fen) == (100_000_000, 200_000)
    assert page["figures"].available_fen == balance.free_fen == 100_000_000 - 270_050
    assert lists == {
        ("committed", ""): 70_050,
        ("committed", allocation.pk): part.held_fen,
        ("paid", ""): 200_000,
        ("paid", allocation.pk): part.paid_fen,
    }
    assert page["allocated"].total_fen == 90_000_000
    assert home["batches"][0].batch == batch and home["batches"][0].total_fen == 200_000
    assert case_now(held).state == "fund_reserved"


def test_the_ledger_shows_the_figures_just_after_each_transfer(world: World, log_in: Any) -> None:
    before = ledger.balances([world.fund])[world.fund.pk]
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    a_batch(world, case, upto="released")
    payments.record_answers([payments.Answer(payment_of(case).pk, True)], by=world.cashier, key="a")

    page = log_in(world.fund_manager).get(reverse("funds:fund", args=[world.fund.pk])).context

    shown = {row["transfer"].kind: row["after"] for row in reversed(page["rows"][:3])}
    assert [row["transfer"].kind for row in page["rows"][:3]] == ["settle", "send", "reserve"]
    assert shown["reserve"].committed_fen == before.held_fen + 200_000
    assert shown["reserve"].available_fen == before.free_fen - 200_000
    assert shown["send"] == shown["reserve"]
    assert shown["settle"].paid_fen == before.paid_fen + 200_000
    assert shown["settle"].total_fen == before.total_fen


def test_the_ledger_is_filtered_by_kind_day_and_case(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    client, url = log_in(world.fund_manager), reverse("funds:fund", args=[world.fund.pk])

    assert client.get(url, {"case": case.case_no}).context["sums"][0].amount_fen == 200_000
    assert client.get(url, {"case": "2026-999999"}).context["sum_n"] == 0
    assert client.get(url, {"kind": "receive"}).context["sums"][0].amount_fen == 100_000_000
    assert client.get(url, {"kind": "receive", "to": "2025-12-31"}).context["sum_n"] == 0
    assert client.get(url, {"kind": "nonsense", "from": "not a day"}).status_code == 200


def test_what_makes_up_each_allocation_is_the_allocations_own_balance(world: World) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    reservation = funds.held_reservation(case.subject)
    balance = ledger.allocation_balances([reservation.allocation])[reservation.allocation_id]

    sums = {
        name: sum(row["fen"] for row in figures.parts_of(name, world.fund, [reservation.allocation_id]))
        for name in figures.FIGURES
    }

    assert sums == {
        "total": balance.total_fen,
        "committed": balance.held_fen,
        "paid": balance.paid_fen,
        "available": balance.free_fen,
        "promised": balance.committed_fen,
        "in_payment": balance.in_payment_fen,
        "imprest": balance.imprest_fen,
        "allocated": balance.allocated_fen,
        "budget": balance.total_fen,
    }


# ---------------------------------------------------------------- opening, receiving, allocating


def test_a_fund_is_opened_filled_and_allocated(world: World, log_in: Any) -> None:
    client = log_in(world.fund_manager)

    client.post(
        reverse("funds:open"),
        {
            "key": new_key(), "code": "gift-26", "name": "助学捐赠", "source": "raised", "unit": world.county.pk,
            "programmes": ["education_grant"], "document_no": "青协〔2026〕3 号",
        },
    )  # fmt: skip
    fund = Fund.objects.get(code="GIFT-26")
    donor = receipts.add_donor(world.county, "company", "禾丰公司", key="d")
    received = {
        "key": new_key(), "kind": "donation", "amount_fen": "15万", "received_on": START.isoformat(), "donor": donor.pk,
        "receipt_no": "R-001", "purpose_words": "助学",
    }  # fmt: skip
    for _twice in range(2):
        client.post(reverse("funds:receive", args=[fund.pk]), received)
    client.post(
        reverse("funds:allocate", args=[fund.pk]),
        {
            "key": new_key(), "programme": "education_grant", "unit": world.township.pk, "year": "2026",
            "amount_fen": "50000", "document_no": "Z-1",
        },
    )  # fmt: skip

    balance = ledger.balances([fund])[fund.pk]
    assert (balance.total_fen, balance.allocated_fen) == (15_000_000, 5_000_000)
    transfer = Transfer.objects.get(subject=f"fund:{fund.pk}", kind="receive")
    assert transfer.recorded_by == world.fund_manager and transfer.document_no == "R-001"
    assert fund.history.latest().history_user_id == world.fund_manager.pk


@pytest.mark.parametrize(
    ("programme", "amount", "sentence"),
    [("disaster_relief", "100", "专款专用"), ("education_grant", "999999", "余额不够")],
)
def test_postgresql_refuses_and_the_page_says_it_in_words(
    world: World, log_in: Any, programme: str, amount: str, sentence: str
) -> None:
    fund = funds.open_fund("EDU", "助学", source="raised", unit=world.county, programmes=["education_grant"])
    funds.receive(fund, 100_000, key="edu")

    answer = log_in(world.fund_manager).post(
        reverse("funds:allocate", args=[fund.pk]),
        {
            "key": new_key(), "programme": programme, "unit": world.township.pk, "year": "2026",
            "amount_fen": amount, "document_no": "Z-9",
        },
    )  # fmt: skip

    assert sentence in answer.content.decode() and "Z-9" in answer.content.decode()
    assert not fund.allocations.exists()
    assert ledger.balances([fund])[fund.pk].available_fen == 100_000


def test_a_code_is_used_once(world: World, log_in: Any) -> None:
    answer = log_in(world.fund_manager).post(
        reverse("funds:open"),
        {
            "key": new_key(),
            "code": "care",
            "name": "又一个",
            "source": "dues",
            "unit": world.county.pk,
            "document_no": "1",
        },
    )

    assert "已经有这个编码" in answer.content.decode()
    assert Fund.objects.filter(code="CARE").count() == 1


# ---------------------------------------------------------------- the batch and its three persons


def test_the_chosen_cases_become_a_batch_after_one_more_look(world: World, log_in: Any) -> None:
    cases = [world.brought_to("fund_reserved", amount_fen=fen) for fen in (200_000, 70_050)]
    client = log_in(world.fund_manager)
    chosen = {"case": [case.pk for case in cases]}

    listed = client.get(reverse("funds:waiting")).context
    preview = client.post(reverse("funds:build"), chosen)
    assert not PaymentBatch.objects.exists()
    confirmed = chosen | {"confirm": "1", "key": new_key(), "title": "四月第一批"}
    first = client.post(reverse("funds:build"), confirmed)
    client.post(reverse("funds:build"), confirmed)

    assert {row.case.pk for row in listed["rows"]} >= {case.pk for case in cases}
    assert preview.context["total_fen"] == 270_050
    batch = PaymentBatch.objects.get()
    assert first.url == reverse("funds:batch", args=[batch.pk])
    assert batch.title == "四月第一批" and batch.payments.count() == 2
    assert {case_now(case).state for case in cases} == {"in_payment"}


def test_a_person_whom_a_list_has_helped_is_listed_with_what_the_list_gave(world: World, log_in: Any) -> None:
    roster = approved(world, 1)
    household = roster.lines.get().household
    Household.objects.filter(pk=household.pk).update(severity="hardship")
    case = world.brought_to("fund_reserved", household=household, amount_fen=200_000)

    page = log_in(world.fund_manager).post(reverse("funds:build"), {"case": [case.pk]})

    (row,) = page.context["rows"]
    assert row.helped_words == "救灾救济 2,000 · 走访慰问 500"
    assert "走访慰问 500" in page.content.decode()


def test_everything_that_was_filtered_can_be_listed_at_once(world: World, log_in: Any) -> None:
    here = world.brought_to("fund_reserved")
    client = log_in(world.fund_manager)

    nothing = client.post(reverse("funds:build"), {"all": "1", "village": world.other_village.pk})
    everything = client.post(reverse("funds:build"), {"all": "1", "village": world.village.pk})

    assert nothing.status_code == 302
    assert [row.case for row in everything.context["rows"]] == [here]


@pytest.mark.parametrize("who", ["fund_manager", "cashier", "auditor", "township_approver", "village_clerk"])
def test_only_the_checker_checks(world: World, log_in: Any, who: str) -> None:
    case = world.brought_to("fund_reserved")
    batch = a_batch(world, case)
    client = log_in(world.staff[who])

    page = client.get(reverse("funds:batch", args=[batch.pk]))
    answer = client.post(reverse("funds:check", args=[batch.pk]), {"key": new_key()})

    assert reverse("funds:check", args=[batch.pk]) not in page.content.decode()
    assert answer.status_code in (403, 404)
    batch.refresh_from_db()
    assert batch.state == "draft" and not batch.checker
    assert not CaseDuty.objects.filter(case=case, duty="check_payment").exists()


def test_a_maker_with_the_checkers_post_is_still_the_maker(world: World, log_in: Any) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"))
    access.appoint(world.fund_manager, "fund_checker", world.county, by=None, valid_from=START)
    client = log_in(world.fund_manager)

    page = client.get(reverse("funds:batch", args=[batch.pk])).content.decode()
    client.post(reverse("funds:check", args=[batch.pk]), {"key": new_key()})

    assert "这一批是你制的单" in page and reverse("funds:check", args=[batch.pk]) not in page
    batch.refresh_from_db()
    assert batch.state == "draft"


def test_a_checker_with_the_cashiers_post_does_not_release(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    batch = a_batch(world, case, upto="checked")
    access.appoint(world.fund_checker, "cashier", world.county, by=None, valid_from=START)
    client = log_in(world.fund_checker)

    page = client.get(reverse("funds:batch", args=[batch.pk])).content.decode()
    client.post(
        reverse("funds:release", args=[batch.pk]),
        {"key": new_key(), "count": "1", "total_fen": "2000", "password": PASSWORD},
    )

    assert "要由别人放行" in page and reverse("funds:release", args=[batch.pk]) not in page
    batch.refresh_from_db()
    assert batch.state == "checked" and payment_of(case).state == "listed"
    assert not Transfer.objects.filter(subject=case.subject, kind="send").exists()


@pytest.mark.parametrize(("count", "total"), [("2", "2000"), ("1", "2000.01"), ("", "2000"), ("1", "")])
def test_a_wrong_count_or_total_releases_nothing(world: World, log_in: Any, count: str, total: str) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    batch = a_batch(world, case, upto="checked")

    answer = log_in(world.cashier).post(
        reverse("funds:release", args=[batch.pk]),
        {"key": new_key(), "count": count, "total_fen": total, "password": PASSWORD},
    )

    assert answer.context["form"].errors
    batch.refresh_from_db()
    assert batch.state == "checked" and payment_of(case).state == "listed"


def test_three_persons_bring_the_money_to_the_bank(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    batch = a_batch(world, case)
    url = reverse("funds:batch", args=[batch.pk])

    log_in(world.fund_checker).post(reverse("funds:check", args=[batch.pk]), {"key": new_key()})
    client = log_in(world.cashier)
    release = {"key": new_key(), "count": "1", "total_fen": "2,000", "password": PASSWORD}
    for _twice in range(2):
        client.post(reverse("funds:release", args=[batch.pk]), release)

    batch.refresh_from_db()
    assert (batch.maker, batch.checker, batch.releaser) == (world.fund_manager, world.fund_checker, world.cashier)
    assert payment_of(case).state == "sent"
    assert Transfer.objects.filter(subject=case.subject, kind="send").count() == 1
    page = client.get(url).content.decode()
    assert "等银行答复" in page and payment_of(case).account_last4 in page


def test_a_line_is_taken_off_with_a_reason_before_the_release(world: World, log_in: Any) -> None:
    wrong, right = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    batch = a_batch(world, wrong, right)
    client, url = log_in(world.fund_checker), reverse("funds:unlist", args=[payment_of(wrong).pk])

    client.post(url, {"key": new_key(), "reason": ""})
    assert case_now(wrong).state == "in_payment"
    client.post(url, {"key": new_key(), "reason": "户名少一个字"})

    assert case_now(wrong).state == "fund_reserved" and case_now(right).state == "in_payment"
    assert payment_of(wrong).state == "cancelled"
    page = client.get(reverse("funds:batch", args=[batch.pk])).context
    assert (page["row"].count, page["row"].total_fen) == (1, 200_000)


# ---------------------------------------------------------------- the bank's answers


def test_all_credited_but_one_and_the_returned_one_goes_to_its_village(world: World, log_in: Any) -> None:
    good, bad = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    batch = a_batch(world, good, bad, upto="released")
    client, url = log_in(world.cashier), reverse("funds:answers", args=[batch.pk])
    said = {
        "key": new_key(), "answered_on_year": "2026", "answered_on_month": "4", "answered_on_day": "15",
        "bank_reference": "HF-0415", "rest": "1",
        f"outcome-{payment_of(bad).pk}": "returned", f"reason-{payment_of(bad).pk}": "户名不符",
        f"note-{payment_of(bad).pk}": "户名为江政",
    }  # fmt: skip

    preview = client.post(url, said)
    assert payment_of(good).state == "sent"
    client.post(url, dict(preview.context["fields"]) | {"confirm": "1"})

    assert [len(group["rows"]) for group in preview.context["groups"]] == [1, 1, 0]
    assert payment_of(good).state == "credited" and payment_of(good).bank_reference == "HF-0415"
    assert (payment_of(bad).state, payment_of(bad).returned_reason) == ("returned", "户名不符：户名为江政")
    assert (case_now(good).state, case_now(bad).state) == ("paid", "payment_returned")
    assert case_now(bad).turn_role == "village_clerk"
    assert ledger.check().drift_fen == 0


def test_a_batch_waits_for_no_account_when_the_money_was_given_back(world: World, log_in: Any) -> None:
    """Whoever is paid is decided anew; nothing of this batch is sent again."""
    case = world.brought_to("fund_reserved")
    batch = a_batch(world, case, upto="released")
    payments.record_answers(
        [payments.Answer(payment_of(case).pk, False, reason="户名不符")], by=world.cashier, key="no"
    )
    client, url = log_in(world.fund_manager), reverse("funds:batch", args=[batch.pk])
    row = client.get(url).context["row"]
    assert (row.stage, row.waiting_again) == ("returned", 1)

    world.do(case, "send_back", "fund_manager", reason="换收款人")

    row = client.get(url).context["row"]
    assert (row.stage, row.waiting_again, row.words) == ("done", 0, "都有结果了")


def test_an_unanswered_line_stays_unanswered(world: World, log_in: Any) -> None:
    answered, silent = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    batch = a_batch(world, answered, silent, upto="released")

    log_in(world.cashier).post(
        reverse("funds:answers", args=[batch.pk]),
        {
            "key": new_key(), "answered_on": "2026-04-15", "confirm": "1",
            f"outcome-{payment_of(answered).pk}": "credited",
        },
    )  # fmt: skip

    assert payment_of(answered).state == "credited"
    assert payment_of(silent).state == "sent" and case_now(silent).state == "in_payment"


def test_a_return_needs_a_reason_from_the_list(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    batch = a_batch(world, case, upto="released")

    answer = log_in(world.cashier).post(
        reverse("funds:answers", args=[batch.pk]),
        {"key": new_key(), "answered_on": "2026-04-15", "confirm": "1", f"outcome-{payment_of(case).pk}": "returned"},
    )

    assert "请选原因" in answer.content.decode()
    assert payment_of(case).state == "sent"


def test_a_returned_payment_goes_out_again_one_working_day_after_the_account_was_mended(
    world: World, log_in: Any
) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    a_batch(world, case, upto="released")
    payments.record_answers([payments.Answer(payment_of(case).pk, False, "已销户")], by=world.cashier, key="a")
    client = log_in(world.fund_manager)

    def said() -> str:
        return next(r.because for r in client.get(reverse("funds:waiting")).context["rows"] if r.case.pk == case.pk)

    assert "等村里核对账户" in said()
    world.brought_to("fund_reserved", amount_fen=150_000)
    page = client.get(reverse("funds:waiting"))
    assert (page.context["ready"], page.context["ready_fen"]) == (1, 150_000)  # what cannot be paid is not in the sum
    assert "2 件，现在能付 1 件" in page.text and "能付的全部列上（1 件）" in page.text
    account = families.record_account(
        case.household,
        case.household.head,
        "9999990000000000014",
        kind="card",
        bank="禾丰农商银行",
        by=world.township_clerk,
    )
    world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})
    assert "4月16日起才能重发" in said()
    with clock.frozen_at(START.replace(day=16)):
        client.get(reverse("funds:waiting"))
        assert said() == ""
        client.post(reverse("funds:build"), {"case": [case.pk], "confirm": "1", "key": new_key()})

    again = payment_of(case)
    assert case_now(case).state == "in_payment" and again.replaces.state == "returned"
    assert again.account_last4 == "0014" and again.amount_fen == 200_000


def test_a_payment_is_found_by_name_number_batch_and_reference(world: World, log_in: Any) -> None:
    case, other = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    batch = a_batch(world, case, upto="released")
    a_batch(world, other)
    payments.record_answers(
        [payments.Answer(payment_of(case).pk, True, bank_reference="HF-9")], by=world.cashier, key="a"
    )
    client = log_in(world.cashier)

    for q in (case.head_name, case.case_no, batch.number, "HF-9"):
        found = client.get(reverse("funds:payments"), {"q": q}).context
        assert [line["payment"] for line in found["lines"]] == [payment_of(case)], q
        assert found["sums"][0]["amount_fen"] == payment_of(case).amount_fen


# ---------------------------------------------------------------- export, recovery, sending back


@pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@cmd", "\tx", " =1", "＝1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert plain_cell(text) == f"'{text}"
    assert plain_cell("江正一") == "江正一"


def test_only_money_posts_export_account_numbers(world: World, log_in: Any) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"), upto="released")

    answer = log_in(world.auditor).post(
        reverse("funds:export", args=[batch.pk]), {"bank": "HFNS", "reason": "想看看账号"}
    )

    assert answer.status_code == 403 and not AccessLog.objects.exists()


def test_money_paid_in_an_emergency_comes_back(world: World, log_in: Any) -> None:
    case = world.open("disaster_relief")
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    account = case.household.accounts.get(is_active=True)
    world.do(
        case, "emergency_release", "township_approver", reason="房子塌了",
        data={"amount_fen": 100_000, "account_id": account.pk},
    )  # fmt: skip
    a_batch(world, case, upto="released")
    payments.record_answers([payments.Answer(payment_of(case).pk, True)], by=world.cashier, key="a")
    world.do(case, "refuse", "township_approver_2", reason="不是受灾户", reason_code="other")
    client = log_in(world.fund_manager)

    listed = client.get(reverse("funds:recoveries")).context["rows"]
    record = reverse("funds:record_recovery", args=[case.pk])
    too_much = {"key": new_key(), "amount_fen": "1000.01", "reason": "多了一分", "document_no": "R-1"}
    assert "不能比这更多" in client.post(record, too_much).text
    client.post(record, {"key": new_key(), "amount_fen": "600", "reason": "先还一部分", "document_no": "R-1"})
    finish = reverse("funds:finish_recovery", args=[case.pk])
    assert "还有 400 元没有追回" in client.post(finish, {"key": new_key(), "reason": "算了"}).text
    assert case_now(case).state == "recovery"
    client.post(record, {"key": new_key(), "amount_fen": "400", "reason": "还清了", "document_no": "R-2"})
    client.post(finish, {"key": new_key(), "reason": "还清了"})

    assert [(row.case.pk, row.owed_fen) for row in listed] == [(case.pk, 100_000)]
    assert case_now(case).state == "closed"
    balance = ledger.balances([world.fund])[world.fund.pk]
    assert balance.paid_fen == 0


def test_an_approved_case_goes_back_and_its_money_is_free(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")

    log_in(world.fund_manager).post(
        reverse("funds:send_back", args=[case.pk]), {"key": new_key(), "reason": "金额要重定"}
    )

    assert case_now(case).state == "township_review"
    assert ledger.balances([world.fund])[world.fund.pk].held_fen == 0


# ---------------------------------------------------------------- reach


@pytest.fixture
def stranger(world: World) -> Any:
    """Everything the funds desk may do, in the next county."""
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    staff = make_staff("stranger", "邻县资金")
    for role in ("fund_manager", "fund_checker", "cashier"):
        access.appoint(staff, role, county, by=None, valid_from=START)
    return staff


def test_another_countys_money_is_not_there(world: World, log_in: Any, stranger: Any) -> None:
    case = world.brought_to("fund_reserved")
    waiting = world.brought_to("fund_reserved")
    batch = a_batch(world, case)
    client = log_in(stranger)
    away = [
        ("funds:fund", world.fund.pk), ("funds:receive", world.fund.pk), ("funds:allocate", world.fund.pk),
        ("funds:batch", batch.pk), ("funds:answers", batch.pk), ("funds:export", batch.pk),
        ("funds:unlist", payment_of(case).pk), ("funds:send_back", waiting.pk), ("funds:recover", waiting.pk),
    ]  # fmt: skip

    assert {client.get(reverse(name, args=[pk])).status_code for name, pk in away} == {404}
    for name in ("funds:check", "funds:release"):
        assert client.post(reverse(name, args=[batch.pk]), {"key": new_key()}).status_code == 404
    for name in ("funds:home", "funds:waiting", "funds:batches", "funds:payments"):
        page = client.get(reverse(name)).content.decode()
        assert case.case_no not in page and waiting.case_no not in page and batch.number not in page
    assert (
        client.post(reverse("funds:build"), {"case": [waiting.pk], "confirm": "1", "key": new_key()}).status_code == 302
    )
    assert case_now(waiting).state == "fund_reserved"
    with pytest.raises(PermissionDenied):
        demand_for_unit(stranger, world.county)


def test_the_home_says_what_waits_for_the_checker_and_for_the_cashier(world: World, log_in: Any) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"))

    def told(who: str) -> tuple[bool, int]:
        page = log_in(world.staff[who]).get(reverse("funds:home"))
        text = page.content.decode()
        assert "只能看" not in text
        return "<b>等你办的批次" in text, my_turn(world.staff[who])

    assert (told("fund_checker"), told("cashier")) == ((True, 1), (False, 0))
    assert told("fund_manager") == (False, 0)
    payments.check_batch(batch.pk, by=world.fund_checker, key=new_key())
    assert (told("fund_checker"), told("cashier")) == ((False, 0), (True, 1))
    assert "只能看" in log_in(world.auditor).get(reverse("funds:home")).content.decode()


def test_who_has_no_money_post_reads_and_is_told_why(world: World, log_in: Any) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"))
    client = log_in(world.cashier)

    waiting = client.get(reverse("funds:waiting")).content.decode()
    page = client.get(reverse("funds:batch", args=[batch.pk])).content.decode()

    assert "这一步由资金管理办。你是出纳" in waiting and 'name="case"' not in waiting
    assert "这一步由资金复核办" in page
    assert client.post(reverse("funds:open")).status_code == 403
    assert log_in(world.village_clerk).get(reverse("funds:home")).status_code == 404


# ---------------------------------------------------------------- many rows


@pytest.mark.slow
def test_no_list_asks_more_the_longer_it_is(world: World, log_in: Any, django_assert_max_num_queries: Any) -> None:
    client = log_in(world.fund_manager)

    def counts(pages: list[str]) -> dict[str, int]:
        found = {}
        for url in pages:
            client.get(url)
            with django_assert_max_num_queries(40) as asked:
                assert client.get(url).status_code == 200
            found[url] = len(asked)
        return found

    cases = [world.brought_to("fund_reserved") for _n in range(6)]
    batch = a_batch(world, *cases[:3], upto="released")
    pages = [
        reverse("funds:home"), reverse("funds:waiting"), reverse("funds:batches"), reverse("funds:payments"),
        reverse("funds:batch", args=[batch.pk]), reverse("funds:answers", args=[batch.pk]),
        reverse("funds:fund", args=[world.fund.pk]), reverse("funds:figure", args=[world.fund.pk, "committed"]),
    ]  # fmt: skip
    few = counts(pages)
    more = [world.brought_to("fund_reserved") for _n in range(30)]
    a_batch(world, *more[:10])
    big = a_batch(world, *more[10:20], upto="released")
    pages[4], pages[5] = reverse("funds:batch", args=[big.pk]), reverse("funds:answers", args=[big.pk])
    many = counts(pages)

    assert list(many.values()) == list(few.values())
    assert max(few.values()) <= 28, few


def test_deadlines_are_told_in_working_days_as_everywhere(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    Case.objects.filter(pk=case.pk).update(due_on=START + datetime.timedelta(7))  # a weekend lies between

    assert "还剩 5 个工作日" in log_in(world.fund_manager).get("/funds/waiting/").text
