"""Months and the bank's balance on the desk: two persons, in order, and every figure with its rows."""

import datetime
import hashlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit import clock
from casework.desks.funds.forms import new_key
from funds import bank_balance, periods
from funds import services as funds
from funds.bank_balance import open_items
from funds.models import DepositAccount, OpenItem, Period, Proposal, Reconciliation, StatedBalance
from tests.funds import quarter
from tests.funds.books import close, on, payment, reserve, settle
from tests.funds.test_bank_balance import an_account, manual, prepared, stated
from tests.world import World


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def in_july(business_day: None, db: None) -> Any:
    with clock.frozen_at(datetime.date(2026, 7, 1)):
        clock.move_to(clock.today())  # PostgreSQL has a clock of its own
        yield


def month_url(world: World, month: int, name: str = "month") -> str:
    return reverse(f"funds:{name}", args=[world.county.pk, 2026, month])


def text(answer: Any) -> str:
    return answer.content.decode()


# ---------------------------------------------------------------- months


def test_a_month_is_closed_on_the_desk_by_two_persons(world: World) -> None:
    first, second = log_in(world.fund_manager), log_in(world.fund_checker)
    page = first.get(month_url(world, 4))
    assert "提出结账" in text(page) and [row["found"].code for row in page.context["findings"]] == [
        "unanswered",
        "imprest",
        "goods_objected",
        "unconfirmed",
        "bank",
        "strange",
    ]
    key = new_key()

    for _n in range(2):  # pressed twice
        assert first.post(month_url(world, 4, "propose_closing"), {"key": key, "reason": "四月"}).status_code == 302
    made = Proposal.objects.get(kind="close_period")
    answer_url = reverse("funds:decide", args=[made.pk])
    assert "由另一个人核准" in text(first.get(month_url(world, 4)))
    assert reverse("funds:proposal", args=[made.pk]) in text(second.get(month_url(world, 4)))
    refused = first.post(answer_url, {"verb": "confirm"})
    assert refused.status_code == 403 and "要由另一个人核准" in text(refused) and not Period.objects.exists()
    for _n in range(2):
        assert second.post(answer_url, {"verb": "confirm"}).status_code == 302

    assert Period.objects.count() == 1
    closed = second.get(month_url(world, 4))
    period = Period.objects.get()
    assert period.digest in text(closed) and "签字" in text(closed) and closed.context["held"]["closing"] == 100_000_000
    assert "已结账" in text(second.get(reverse("funds:periods")))


def test_a_closing_is_refused_with_a_reason_or_taken_back(world: World) -> None:
    first, second = log_in(world.fund_manager), log_in(world.fund_checker)
    first.post(month_url(world, 4, "propose_closing"), {"key": new_key(), "reason": "四月"})
    url = reverse("funds:decide", args=[Proposal.objects.get().pk])

    assert second.post(url, {"verb": "refuse", "answer": ""}).status_code == 200
    assert Proposal.objects.get().state == "proposed"
    assert second.post(url, {"verb": "refuse", "answer": "还有收款没记"}).status_code == 302
    first.post(month_url(world, 4, "propose_closing"), {"key": new_key(), "reason": "四月"})
    url = reverse("funds:decide", args=[Proposal.objects.first().pk])
    assert "不同意请选" in text(second.post(url, {"verb": "withdraw"}))
    assert first.post(url, {"verb": "withdraw"}).status_code == 302
    assert second.post(url, {"verb": "nonsense"}).status_code == 404

    assert (
        sorted(Proposal.objects.values_list("state", flat=True)) == ["refused", "withdrawn"]
        and not Period.objects.exists()
    )


def test_months_out_of_order_or_unfinished_say_so(world: World) -> None:
    client = log_in(world.fund_manager)
    assert "下一个是 2026 年 4 月" in text(client.get(month_url(world, 5)))
    assert "还没有过完" in text(client.get(month_url(world, 7)))
    refused = client.post(month_url(world, 6, "propose_closing"), {"key": new_key(), "reason": "x"})
    assert refused.status_code == 422 and "要按顺序结账" in text(refused)
    for year, month in ((2026, 3), (2026, 8), (2026, 13), (1, 1), (9999, 1)):
        assert client.get(reverse("funds:month", args=[world.county.pk, year, month])).status_code == 404
    assert Proposal.objects.count() == 0


def test_who_does_not_close_sees_and_is_told_who_does(world: World) -> None:
    for person in (world.cashier, world.auditor):
        page = log_in(person).get(month_url(world, 4))
        assert page.status_code == 200 and "提出结账" not in text(page).split("main", 1)[1] and page.context["why_not"]
        assert (
            log_in(person).post(month_url(world, 4, "propose_closing"), {"key": new_key(), "reason": "x"}).status_code
            == 403
        )
    assert log_in(world.village_clerk).get(reverse("funds:periods")).status_code == 404
    assert log_in(world.village_clerk).get(month_url(world, 4)).status_code == 404
    assert log_in(world.township_clerk).get(month_url(world, 4)).status_code == 404
    assert not Proposal.objects.exists()


def test_every_figure_of_a_closed_month_is_the_sum_of_its_rows(world: World) -> None:
    quarter.run(world)
    client = log_in(world.auditor)

    for month in (4, 5):
        page = client.get(month_url(world, month)).context
        assert {row["line"].kind for row in page["lines"]} >= {"source", "available", "paid"}
        for row in page["lines"]:
            line = row["line"]
            for name, fen in (
                ("before", line.opening_fen),
                ("in", line.credit_fen),
                ("out", line.debit_fen),
                ("until", line.closing_fen),
            ):
                assert client.get(row[f"{name}_url"]).context["sum_fen"] == fen, (month, line, name)
        assert page["held"]["closing"] == quarter.HELD[month]
    shown = {row["first"].month: row for row in client.get(reverse("funds:periods")).context["rows"]}
    assert [(shown[month]["closing_fen"], shown[month]["flying_fen"]) for month in (4, 5)] == [
        (995_000_00, 3_000_00),
        (1_197_000_00, 0),
    ]
    assert shown[6]["period"] is None and shown[6]["is_next"]


def test_what_is_open_at_the_end_informs_and_does_not_stop(world: World) -> None:
    with on(4, 20):
        payment(world, reserve(world, 3_000, "case:1"))
    an_account(world)
    page = log_in(world.fund_manager).get(month_url(world, 4))

    found = {row["found"].code: (row["found"].count, row["found"].amount_fen) for row in page.context["findings"]}
    assert found == {
        "unanswered": (1, 3_000),
        "imprest": (0, 0),
        "goods_objected": (0, None),
        "unconfirmed": (0, None),
        "bank": (1, None),
        "strange": (0, None),
    }
    assert close(world, 2026, 4).month == 4


def test_an_account_below_nothing_at_the_months_end_is_told_though_it_is_not_today(world: World) -> None:
    """Promised on 20 April, though by its date the money came only on 2 May."""
    relief = world.fund.allocations.get(programme="disaster_relief")
    with on(5, 2):
        funds.receive(world.fund, 20_000_000, key="late")
        funds.allocate(world.fund, 20_000_000, programme="disaster_relief", unit=relief.unit, year=2026, key="late:a")
        settle()
    with on(4, 20):
        reserve(world, 30_002_900, "case:1")
    client = log_in(world.fund_manager)

    def told(month: int) -> tuple[int, Any]:
        found = {row["found"].code: row["found"] for row in client.get(month_url(world, month)).context["findings"]}
        return found["strange"].count, found["strange"].amount_fen

    assert (told(4), told(5)) == ((1, -2_900), (0, None))


def test_without_a_bank_account_the_closing_says_that_none_is_written_down(world: World) -> None:
    page = log_in(world.fund_manager).get(month_url(world, 4))

    (bank,) = (row for row in page.context["findings"] if row["found"].code == "bank")
    assert bank["found"].count == 1 and "还没有登记银行账户" in text(page)
    assert bank["url"] == reverse("funds:bank_accounts")


def test_the_year_shows_its_months_and_what_is_left(world: World) -> None:
    quarter.run(world)
    page = log_in(world.fund_manager).get(reverse("funds:year", args=[world.county.pk, 2026]))

    left = {row["allocation"].programme: row["balance"].allocated_fen for row in page.context["left"]}
    assert left == {"disaster_relief": 290_000_00, "education_grant": 250_000_00, "elderly_support": 300_000_00}
    assert page.context["closed"] == 2 and not page.context["is_closed"]
    assert log_in(world.fund_manager).get(reverse("funds:year", args=[world.county.pk, 2025])).status_code == 404
    assert not periods.is_year_closed(world.county, 2026)


def test_lists_of_months_take_the_same_queries(world: World, django_assert_max_num_queries: Any) -> None:
    quarter.run(world)
    client = log_in(world.fund_manager)
    client.get(reverse("funds:periods"))
    for url, most in ((reverse("funds:periods"), 22), (month_url(world, 4), 22), (month_url(world, 6), 31)):
        with django_assert_max_num_queries(most):
            client.get(url)


# ---------------------------------------------------------------- the bank's balance


def test_an_account_is_written_down_and_a_fund_put_on_it(world: World) -> None:
    client = log_in(world.fund_manager)
    given = {
        "key": new_key(),
        "unit": world.county.pk,
        "name": "禾源县专户",
        "bank": "禾丰农商银行",
        "account_no": "9999990000000012345",
        "opened_on_year": "2026",
        "opened_on_month": "1",
        "opened_on_day": "5",
    }
    answer = client.post(reverse("funds:new_bank_account"), given)
    account = DepositAccount.objects.get()
    assert answer.url == reverse("funds:bank_account", args=[account.pk]) and account.opened_on == datetime.date(
        2026, 1, 5
    )
    again = client.post(reverse("funds:new_bank_account"), given | {"key": new_key()})
    assert again.status_code == 422 and "登记过" in text(again)
    place = {"key": new_key(), "fund": world.fund.pk, "since_year": "2026", "since_month": "4", "since_day": "1"}
    for _n in range(2):
        assert client.post(reverse("funds:place_fund", args=[account.pk]), place).status_code == 302

    page = text(client.get(reverse("funds:bank_account", args=[account.pk])))
    assert account.standings.count() == 1 and "2345" in page and "9999990000" not in page
    assert "1,000,000" in page


def test_a_sheet_is_prepared_by_one_and_reviewed_by_another(world: World) -> None:
    quarter.run(world)
    account = an_account(world)
    first, second = log_in(world.fund_manager), log_in(world.fund_checker)
    file = SimpleUploadedFile("x.pdf", b"the bank's paper")
    stated_now = first.post(
        reverse("funds:state_balance", args=[account.pk]),
        {
            "key": new_key(),
            "on_year": "2026",
            "on_month": "4",
            "on_day": "30",
            "balance_fen": "996987.50",
            "reference": "4-1",
            "file": file,
        },
    )
    balance = StatedBalance.objects.get()
    assert stated_now.url == reverse("funds:prepare_reconciliation", args=[balance.pk])
    assert balance.statement_sha256 == hashlib.sha256(b"the bank's paper").hexdigest()
    page = first.get(stated_now.url)
    refs = {row["item"].ref: row for row in page.context["rows"]}
    assert [row["on"] for row in refs.values()] == [row["item"].is_sure for row in refs.values()]
    batch, back = (
        next(ref for ref, row in refs.items() if row["item"].side == side) for side in ("bank_paid", "bank_received")
    )

    # without the fee it is red, and nobody can review it
    red = first.post(stated_now.url, form(new_key(), [batch, back]))
    sheet = first.get(red.url)
    assert "对不上" in text(sheet) and "12.50" in text(sheet) and "都对，复核通过" not in text(second.get(red.url))
    pk = Reconciliation.objects.get().pk
    refused = second.post(reverse("funds:answer_reconciliation", args=[pk]), {"do": "review"})
    assert refused.status_code == 422 and "不能复核通过" in text(refused)

    fee = {
        "manual-0-name": "账户管理费",
        "manual-0-amount_fen": "12.50",
        "manual-0-reason": "银行扣收",
        "manual-0-settled_by": "出纳",
    }
    half = first.post(stated_now.url, form(new_key(), [batch, back], **fee | {"manual-0-reason": ""}))
    assert half.status_code == 422 and "没有写全" in text(half)
    key = new_key()
    for _n in range(2):
        done = first.post(stated_now.url, form(key, [batch, back], **fee))
        assert done.status_code == 302
    made = Reconciliation.objects.get(state="prepared")
    assert made.difference_fen == 0 and Reconciliation.objects.count() == 2
    url = reverse("funds:answer_reconciliation", args=[made.pk])
    assert "不能是同一个人" in text(first.post(url, {"do": "review"}))
    assert second.post(url, {"do": "review"}).status_code == 302

    shown = text(second.get(reverse("funds:reconciliation", args=[made.pk])))
    assert "账户管理费" in shown and "复核人签字" in shown
    made.refresh_from_db()
    assert (made.state, made.reviewed_by) == ("reviewed", world.fund_checker)


def form(key: str, refs: list[str], **lines: str) -> dict[str, Any]:
    management = {
        "manual-TOTAL_FORMS": "4",
        "manual-INITIAL_FORMS": "0",
        "manual-MIN_NUM_FORMS": "0",
        "manual-MAX_NUM_FORMS": "20",
    }
    sides = {f"manual-{n}-side": "bank_paid" for n in range(4)}
    return {"key": key, "ref": refs} | management | sides | lines


def test_the_balance_of_the_last_month_is_asked_for_and_what_is_not_listed_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = an_account(world), log_in(world.fund_manager)
    page = client.get(reverse("funds:state_balance", args=[account.pk]))
    assert page.context["form"].initial["on"] == datetime.date(2026, 6, 30)  # the day that the closing asks for
    url = reverse("funds:prepare_reconciliation", args=[stated(world, account, datetime.date(2026, 6, 30), 1).pk])
    assert "没有列" not in text(client.get(url))

    monkeypatch.setattr(open_items, "MOST_ENTRIES", 0)

    assert "更早的还有 1 笔没有列" in text(client.get(url))


def test_items_of_a_sheet_lead_to_their_rows(world: World) -> None:
    quarter.run(world)
    account = an_account(world)
    april = datetime.date(2026, 4, 30)
    made = prepared(world, stated(world, account, april, 997_000_00), *bank_balance.derived(account, april), manual())
    page = log_in(world.auditor).get(reverse("funds:reconciliation", args=[made.pk]))

    client = log_in(world.auditor)
    urls = [row["url"] for side in page.context["books"] + page.context["bank"] for row in side["items"] if row["url"]]
    assert len(urls) == OpenItem.objects.exclude(ref=None).count() > 1
    assert {client.get(url).status_code for url in urls} == {200}


def test_without_open_items_the_page_says_so(world: World) -> None:
    page = log_in(world.fund_manager).get(reverse("funds:open_items"))

    assert page.status_code == 200 and "都对平了" in page.content.decode()


def test_open_items_stand_by_age(world: World) -> None:
    account = an_account(world)
    prepared(world, stated(world, account, datetime.date(2026, 6, 30), 1), manual())
    page = log_in(world.fund_manager).get(reverse("funds:open_items"))

    assert [band.count for band in page.context["bands"]] == [0, 1, 0, 0]
    assert [row["days"] for row in page.context["rows"]] == [77]


def test_accounts_out_of_reach_are_absent_and_the_cashier_only_looks(world: World) -> None:
    account = an_account(world)
    balance = stated(world, account, datetime.date(2026, 4, 30), 1)
    made = prepared(world, balance)
    paths = [
        reverse("funds:bank_account", args=[account.pk]),
        reverse("funds:reconciliation", args=[made.pk]),
        reverse("funds:prepare_reconciliation", args=[balance.pk]),
    ]
    for path in paths:
        assert log_in(world.township_clerk).get(path).status_code == 404
        assert log_in(world.village_clerk).get(path).status_code == 404
    assert [log_in(world.cashier).get(path).status_code for path in paths] == [200, 200, 403]
    for name in ("state_balance", "place_fund"):
        assert log_in(world.cashier).get(reverse(f"funds:{name}", args=[account.pk])).status_code == 403
    assert log_in(world.cashier).get(reverse("funds:new_bank_account")).status_code == 403
    assert (
        log_in(world.cashier).post(reverse("funds:answer_reconciliation", args=[made.pk]), {"do": "review"}).status_code
        == 403
    )


def test_lists_of_the_bank_take_the_same_queries(world: World, django_assert_max_num_queries: Any) -> None:
    account = an_account(world)
    made = prepared(world, stated(world, account, datetime.date(2026, 6, 30), 1), manual(), manual(fen=3))
    client = log_in(world.fund_manager)
    client.get(reverse("funds:bank_accounts"))
    for url in (
        reverse("funds:bank_accounts"),
        reverse("funds:bank_account", args=[account.pk]),
        reverse("funds:reconciliation", args=[made.pk]),
        reverse("funds:open_items"),
    ):
        with django_assert_max_num_queries(22):
            assert client.get(url).status_code == 200
