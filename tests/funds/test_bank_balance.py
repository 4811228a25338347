"""The bank's balance and the books come to one figure, with every difference named; two persons stand for it."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection

from access import vault
from audit.context import acting
from funds import bank_balance, imprest
from funds import services as funds
from funds.bank_balance import Item, open_items
from funds.errors import SamePerson, WrongReconciliation
from funds.models import DepositAccount, FundStanding, OpenItem, Reconciliation, StatedBalance, Transfer
from tests.funds import floats, quarter
from tests.funds.books import another_fund, answer, on, payment, reserve, sent_together, settle, sql
from tests.world import START, World, make_staff

APRIL, MAY, JUNE = (datetime.date(2026, month, day) for month, day in ((4, 30), (5, 31), (6, 30)))


def an_account(world: World, number: str = "9999990000000012345") -> DepositAccount:
    """With the care fund on it since April."""
    account = bank_balance.record_account(
        unit=world.county,
        name="禾源县帮扶资金专户",
        bank="禾丰农商银行",
        account_no=number,
        opened_on=datetime.date(2026, 1, 1),
        by=world.fund_manager,
    )
    bank_balance.place(world.fund, account, since=datetime.date(2026, 4, 1), by=world.fund_manager)
    return account


def stated(world: World, account: DepositAccount, day: datetime.date, fen: int) -> StatedBalance:
    return bank_balance.state_balance(account, on=day, balance_fen=fen, reference="对账单 4-1", by=world.fund_manager)


def prepared(world: World, of: StatedBalance, *items: Item, key: str = "k") -> Reconciliation:
    return bank_balance.prepare(of, items, by=world.fund_manager, key=key)


def manual(side: str = "bank_paid", fen: int = 12_50, **more: Any) -> Item:
    return Item(side, "账户管理费", fen, START, "银行月末扣收，账上还没有记", "出纳", **more)


def refuses(statement: str, *params: Any, match: str) -> None:
    with pytest.raises(DatabaseError, match=match):
        sql(statement, *params)


# ---------------------------------------------------------------- a quarter, worked


def test_each_month_of_a_quarter_comes_to_the_banks_figure(world: World) -> None:
    """April: the bank has paid 3,000 (case 2) and taken 5,000 back (case 1), and the books know of neither yet."""
    quarter.run(world)
    account = an_account(world)
    assert [bank_balance.books_fen(account, day) for day in (APRIL, MAY, JUNE)] == list(quarter.IN_THE_BANK.values())

    with on(7, 1):
        april = {item.ref: item for item in bank_balance.derived(account, APRIL)}
        batch, back = (
            next(item for ref, item in april.items() if ref.startswith(kind)) for kind in ("batch", "transfer")
        )
        made = prepared(world, stated(world, account, APRIL, 997_000_00), batch, back)

    assert (batch.side, batch.amount_fen, batch.is_sure, batch.since) == (
        "bank_paid",
        3_000_00,
        False,
        datetime.date(2026, 4, 20),
    )
    assert (back.side, back.amount_fen, back.is_sure, back.since) == ("bank_received", 5_000_00, True, APRIL)
    assert "已交银行 1 笔" in batch.reason and back.name == "江甲"
    assert (made.books_fen, made.adjusted_books_fen) == (995_000_00, 997_000_00)
    assert (made.bank_fen, made.adjusted_bank_fen, made.difference_fen) == (997_000_00, 997_000_00, 0)
    with on(7, 2):
        assert bank_balance.review(made.pk, by=world.fund_checker).state == "reviewed"

    with on(7, 1):
        may = {(item.side, item.amount_fen): item for item in bank_balance.derived(account, MAY)}
        receipt = may["books_received", 200_000_00]
        made = prepared(world, stated(world, account, MAY, 996_987_50), receipt, manual(), key="may")
    assert receipt.name == "收款 财社〔2026〕7 号" and not receipt.is_sure
    assert (made.adjusted_books_fen, made.adjusted_bank_fen) == (1_196_987_50, 1_196_987_50)
    assert [item.name for item in made.items.all()] == ["收款 财社〔2026〕7 号", "账户管理费"]
    with on(7, 2):
        bank_balance.review(made.pk, by=world.fund_checker)

        june = bank_balance.derived(account, JUNE)
    shown = sorted((item.side, item.amount_fen) for item in june)
    assert shown == [
        ("bank_paid", 12_50),  # what was open in May may be open still
        ("books_paid", 99_00),  # the reversal of the receipt
        ("books_paid", 2_000_00),  # the float
        ("books_paid", 10_000_00),  # handed back
        ("books_received", 99_00),
        ("books_received", 200_000_00),
    ]


def test_what_the_bank_paid_before_the_books_knew_is_proven_by_its_answer(world: World) -> None:
    with on(4, 29):
        one, two = (payment(world, reserve(world, fen, f"case:{fen}")) for fen in (1_000, 2_000))
    with on(5, 4):
        funds.credit(one, bank_reference="HF", answered_on=APRIL)
        funds.bounce(two, bank_reference="HF", reason="已销户", answered_on=APRIL)
        settle()
    account = an_account(world)

    with on(5, 5):
        (item,) = [found for found in bank_balance.derived(account, APRIL) if found.side == "bank_paid"]

    assert (item.amount_fen, item.is_sure) == (1_000, True)  # the other one came back before the month's end
    assert bank_balance.books_fen(account, APRIL) == 100_000_000


def test_cash_that_was_drawn_and_lies_in_the_safe_is_not_in_the_bank(world: World) -> None:
    with on(4, 29):
        payment(world, reserve(world, 700, "case:1"), cash_reason="山里没有网点")
    account = an_account(world)
    with on(5, 5):
        (item,) = [found for found in bank_balance.derived(account, APRIL) if found.side == "bank_paid"]

    assert (item.amount_fen, item.is_sure) == (700, True) and "现金已取出" in item.reason


def test_papers_that_came_before_the_float_was_made_up_are_an_item(world: World) -> None:
    box = floats.a_float(world, 5_000, 5_000)
    floats.handed_out(world, box, floats.decided(world, 2_000, "case:1"))
    imprest.accept("case:1")
    settle()
    account = an_account(world)

    before = {item.ref: item for item in bank_balance.derived(account, APRIL)}["imprest"]
    refill = imprest.ask_refill(box, by=world.township_clerk, key="refill")
    imprest.pay_refill(refill, by=world.cashier, bank_reference="HF1")
    settle()
    after = {item.ref for item in bank_balance.derived(account, APRIL)}

    assert (before.side, before.amount_fen, before.is_sure) == ("books_paid", 2_000, True)
    assert "imprest" not in after
    assert bank_balance.books_fen(account, APRIL) == 100_000_000 - 5_000 - 2_000


def test_returns_of_a_batch_are_one_item_a_day_and_lead_to_their_batch(world: World) -> None:
    with on(4, 20):
        sent = sent_together(world, *(reserve(world, 100, f"case:{n}") for n in range(3)))
    for day, paid in zip((21, 21, 22), sent, strict=True):
        with on(4, day):
            answer(paid, "returned")
    batch = sent[0].batch
    account = an_account(world)

    found = [item for item in bank_balance.derived(account, APRIL) if item.side == "books_received"]
    back = [item for item in found if item.name == f"银行退回 批次 {batch.number}"]

    assert [(item.since.day, item.amount_fen, item.ref) for item in back] == [
        (21, 200, f"batch:{batch.pk}:bounce:2026-04-21"),
        (22, 100, f"batch:{batch.pk}:bounce:2026-04-22"),
    ]
    assert "退回 2 笔" in back[0].reason
    with on(5, 5):
        made = prepared(world, stated(world, account, APRIL, 100_000_000 - 200), back[0])
        bank_balance.review(made.pk, by=world.fund_checker)
    assert back[0].ref in {item.ref for item in bank_balance.derived(account, MAY)}  # it may be open still


def test_of_too_many_entries_the_newest_are_listed_and_the_rest_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_items, "MOST_ENTRIES", 2)
    for n in range(3):
        with on(4, 16 + n):
            funds.receive(world.fund, 10 + n, key=f"in:{n}")
    settle()
    account = an_account(world)

    shown = [item.amount_fen for item in bank_balance.derived(account, APRIL)]

    assert (shown, bank_balance.unlisted(account, APRIL)) == ([11, 12], 2)
    with on(5, 5):
        made = prepared(world, stated(world, account, datetime.date(2026, 4, 17), 100_000_000 + 21))
        bank_balance.review(made.pk, by=world.fund_checker)
    assert bank_balance.unlisted(account, APRIL) == 0


# ---------------------------------------------------------------- two persons, to the fen


def test_a_difference_that_nobody_explains_cannot_be_reviewed(world: World) -> None:
    account = an_account(world)
    made = prepared(world, stated(world, account, START, 99_999_999))

    assert made.difference_fen == -1
    with pytest.raises(WrongReconciliation, match="对不上"):
        bank_balance.review(made.pk, by=world.fund_checker)
    refuses(
        "UPDATE funds_reconciliation SET state = 'reviewed', reviewed_by_id = %s, reviewer_person_key = %s, reviewed_on = '2026-04-16'",
        world.fund_checker.pk,
        world.fund_checker.person_key,
        match="reviewed_when_both_sides_agree",
    )
    assert Reconciliation.objects.get().state == "prepared"


def test_who_prepared_it_does_not_review_it_under_any_account(world: World) -> None:
    made = prepared(world, stated(world, an_account(world), START, 100_000_000))
    twin = make_staff("twin", "twin", key=world.fund_manager.person_key)

    for person in (world.fund_manager, twin):
        with pytest.raises(SamePerson):
            bank_balance.review(made.pk, by=person)
        with pytest.raises(SamePerson):
            bank_balance.send_back(made.pk, by=person, answer="不对")
    for name, person in ((twin.pk, twin.person_key), (world.fund_checker.pk, twin.person_key)):
        refuses(
            "UPDATE funds_reconciliation SET state = 'reviewed', reviewed_by_id = %s, reviewer_person_key = %s, reviewed_on = '2026-04-16'",
            name,
            person,
            match="preparer_is_not_reviewer|somebody else",
        )
    assert Reconciliation.objects.get().reviewed_by is None


def test_a_reviewed_one_is_the_last_word_on_its_day(world: World) -> None:
    balance = stated(world, an_account(world), START, 100_000_000 - 12_50)
    made = prepared(world, balance, manual())
    assert bank_balance.review(made.pk, by=world.fund_checker) == bank_balance.review(made.pk, by=world.fund_checker)
    sql("SELECT 1")

    with pytest.raises(WrongReconciliation, match="已经复核过"):
        prepared(world, balance, key="again")
    with pytest.raises(WrongReconciliation, match="不能再办"):
        bank_balance.send_back(made.pk, by=world.fund_checker, answer="不对")
    refuses("UPDATE funds_reconciliation SET state = 'replaced'", match="another is prepared")
    refuses("UPDATE funds_reconciliation SET bank_fen = bank_fen + 1", match="another is prepared")
    refuses("DELETE FROM funds_reconciliation", match="another is prepared|violates foreign key")
    refuses("UPDATE funds_openitem SET amount_fen = 1", match="append-only")
    refuses("DELETE FROM funds_openitem", match="append-only")
    refuses("UPDATE funds_statedbalance SET balance_fen = 1", match="append-only")
    refuses(
        "INSERT INTO funds_openitem (reconciliation_id, n, side, name, amount_fen, since, reason, settled_by)"
        " VALUES (%s, 9, 'bank_paid', 'x', 1, '2026-04-15', 'x', 'x')",
        made.pk,
        match="is not the sum of its items",
    )
    assert made.history.count() == 2 and made.history.first().history_user_id == world.fund_checker.pk


def test_what_is_sent_back_or_prepared_again_stays_to_be_read(world: World) -> None:
    balance = stated(world, an_account(world), START, 100_000_000)
    first = prepared(world, balance, manual())
    second = prepared(world, balance, key="2")
    assert prepared(world, balance, key="2") == second  # pressed twice
    with pytest.raises(WrongReconciliation, match="写明为什么"):
        bank_balance.send_back(second.pk, by=world.fund_checker, answer=" ")
    refuses(
        "UPDATE funds_reconciliation SET state = 'refused', reviewed_by_id = %s, reviewer_person_key = %s, reviewed_on = '2026-04-16'"
        " WHERE state = 'prepared'",
        world.fund_checker.pk,
        world.fund_checker.person_key,
        match="reconciliation_refused_with_reason",
    )
    bank_balance.send_back(second.pk, by=world.fund_checker, answer="对账单少一页")
    third = prepared(world, balance, key="3")

    states = [row.state for row in Reconciliation.objects.order_by("id")]
    assert states == ["replaced", "refused", "prepared"] and OpenItem.objects.get().reconciliation == first
    assert bank_balance.review(third.pk, by=world.fund_checker).state == "reviewed"


def test_entries_of_that_day_that_come_later_ask_for_a_new_one(world: World) -> None:
    account = an_account(world)
    made = prepared(world, stated(world, account, START, 100_000_000))
    funds.receive(world.fund, 5, key="late")
    settle()

    with pytest.raises(WrongReconciliation, match="退回重编"):
        bank_balance.review(made.pk, by=world.fund_checker)
    refuses(
        "UPDATE funds_reconciliation SET state = 'reviewed', reviewed_by_id = %s, reviewer_person_key = %s, reviewed_on = '2026-04-16'",
        world.fund_checker.pk,
        world.fund_checker.person_key,
        match="books say something else",
    )


def test_what_an_item_says_of_itself_is_not_believed(world: World) -> None:
    with on(4, 15):
        payment(world, reserve(world, 700, "case:1"))
    account = an_account(world)
    balance = stated(world, account, START, 100_000_000 - 700)
    derived = next(item for item in bank_balance.derived(account, START) if item.ref.startswith("batch"))

    made = prepared(world, balance, replace(derived, amount_fen=9, side="books_paid", name="别的"))
    assert made.difference_fen == 0 and made.items.get().amount_fen == 700
    with pytest.raises(WrongReconciliation, match="刚才变了"):
        prepared(world, balance, replace(derived, ref="batch:0:sent"), key="2")
    for broken in (manual(fen=0), manual(fen=-5), replace(manual(), reason=" "), replace(manual(), settled_by="")):
        with pytest.raises(WrongReconciliation, match="写明"):
            prepared(world, balance, broken, key="3")
    assert Reconciliation.objects.get() == made


def test_laws_of_reconciliations_hold_in_raw_sql(world: World) -> None:
    account = an_account(world)
    balance = stated(world, account, START, 100_000_000)
    insert = """INSERT INTO funds_reconciliation (key, account_id, "on", stated_id, bank_fen, books_fen, bank_received_fen, bank_paid_fen,
                books_received_fen, books_paid_fen, state, prepared_by_id, preparer_person_key, prepared_on, answer)
                VALUES ('raw', %s, %s, %s, %s, %s, %s, 0, 0, 0, %s, %s, %s, '2026-04-15', '')"""
    good = [
        account.pk,
        START,
        balance.pk,
        100_000_000,
        100_000_000,
        0,
        "prepared",
        world.cashier.pk,
        world.cashier.person_key,
    ]
    for place, value, match in (
        (1, APRIL, "bank says something else"),
        (3, 5, "bank says something else"),
        (4, 5, "books say something else"),
        (5, 5, "not the sum of its items"),
        (6, "reviewed", "does not begin as"),
        (8, "x" * 32, "somebody else"),
    ):
        refuses(insert, *good[:place], value, *good[place + 1 :], match=match)
    sql(insert, *good)


# ---------------------------------------------------------------- accounts


def test_an_account_number_is_sealed_and_stands_once(world: World) -> None:
    account = an_account(world)

    assert account.account_last4 == "2345" and b"9999990000" not in bytes(account.account_sealed)
    assert vault.unseal(account.account_sealed, row=account.account_row) == "9999990000000012345"
    with pytest.raises(WrongReconciliation, match="登记过"):
        an_account(world)
    refuses("UPDATE funds_depositaccount SET bank = 'x'", match="ended and recorded anew")
    refuses("DELETE FROM funds_depositaccount", match="ended and recorded anew|foreign key")
    assert account.history.get().history_user_id == world.fund_manager.pk


def test_a_fund_lies_in_one_account_of_its_unit_at_a_time(world: World) -> None:
    first = an_account(world)
    second = bank_balance.record_account(
        unit=world.county, name="二户", bank="青禾信用社", account_no="9999991", opened_on=START, by=world.fund_manager
    )
    bank_balance.place(world.fund, second, since=datetime.date(2026, 5, 1), by=world.fund_manager)
    with acting(world.fund_manager, reason="x"):
        goods = another_fund(world.county, "RICE", source="in_kind")

    assert (bank_balance.books_fen(first, APRIL), bank_balance.books_fen(second, APRIL)) == (100_000_000, 0)
    assert (bank_balance.books_fen(first, MAY), bank_balance.books_fen(second, MAY)) == (0, 100_000_000)
    for wrong in (goods, another_fund(world.township, "TOWN")):
        with pytest.raises(WrongReconciliation, match="不放在这个账户"):
            bank_balance.place(wrong, second, since=START, by=world.fund_manager)
        refuses(
            "INSERT INTO funds_fundstanding (account_id, fund_id, valid_from) VALUES (%s, %s, '2026-04-15')",
            second.pk,
            wrong.pk,
            match="does not lie in this account",
        )
    refuses(
        "INSERT INTO funds_fundstanding (account_id, fund_id, valid_from, valid_to) VALUES (%s, %s, '2026-04-15', '2026-04-16')",
        second.pk,
        world.fund.pk,
        match="lies in another account",
    )
    refuses("UPDATE funds_fundstanding SET valid_from = '2020-01-01'", match="is not changed")
    with pytest.raises(WrongReconciliation, match="以后的日子"):
        bank_balance.place(world.fund, first, since=datetime.date(2026, 4, 30), by=world.fund_manager)
    assert FundStanding.objects.count() == 2


def test_no_fund_comes_or_goes_under_a_reviewed_sheet(world: World) -> None:
    account = an_account(world)
    made = prepared(world, stated(world, account, START, 100_000_000))
    bank_balance.review(made.pk, by=world.fund_checker)
    gift = another_fund(world.county, "GIFT")
    funds.receive(gift, 700, key="gift")
    settle()
    other = bank_balance.record_account(
        unit=world.county, name="二户", bank="青禾信用社", account_no="9999991", opened_on=START, by=world.fund_manager
    )
    day_after = START + datetime.timedelta(days=1)

    for fund, there in ((gift, account), (world.fund, other)):
        with pytest.raises(WrongReconciliation, match="已经复核过"):
            bank_balance.place(fund, there, since=START, by=world.fund_manager)
    refuses(
        "INSERT INTO funds_fundstanding (account_id, fund_id, valid_from) VALUES (%s, %s, '2026-04-15')",
        account.pk,
        gift.pk,
        match="has reviewed sheets of these days",
    )
    refuses("UPDATE funds_fundstanding SET valid_to = '2026-04-14'", match="has reviewed sheets of these days")
    assert bank_balance.books_fen(account, START) == made.books_fen and FundStanding.objects.count() == 1

    bank_balance.place(gift, account, since=day_after, by=world.fund_manager)
    bank_balance.place(world.fund, other, since=day_after, by=world.fund_manager)
    assert bank_balance.books_fen(account, START) == made.books_fen
    assert bank_balance.books_fen(account, day_after) == 700


def test_no_bank_states_the_balance_of_a_day_that_has_not_been(world: World) -> None:
    account = an_account(world)
    with pytest.raises(WrongReconciliation, match="还没有到"):
        stated(world, account, START + datetime.timedelta(days=1), 1)
    with pytest.raises(WrongReconciliation, match="没有开"):
        stated(world, account, datetime.date(2025, 12, 31), 1)
    assert stated(world, account, START, 1) == stated(world, account, START, 1) != stated(world, account, START, 2)


# ---------------------------------------------------------------- how long


def test_open_items_are_counted_by_age(world: World) -> None:
    made = prepared(
        world,
        stated(world, an_account(world), START, 1),
        *(
            replace(manual(fen=fen), since=START - datetime.timedelta(days=days))
            for days, fen in ((0, 1), (30, 2), (31, 4), (90, 8), (91, 16), (180, 32), (181, 64), (900, 128))
        ),
    )

    bands = bank_balance.ageing(bank_balance.latest_of(DepositAccount.objects.all()), START)

    assert [(band.days_from, band.days_to, band.count, band.amount_fen) for band in bands] == [
        (0, 30, 2, 3),
        (31, 90, 2, 12),
        (91, 180, 2, 48),
        (181, None, 2, 192),
    ]
    assert sum(band.amount_fen for band in bands) == made.bank_paid_fen


def test_derived_items_take_the_same_queries_however_many_there_are(world: World) -> None:
    quarter.run(world)
    account = an_account(world)
    with connection.execute_wrapper(counting := Counting()):
        assert len(bank_balance.derived(account, JUNE)) > 5 and Transfer.objects.exists()
    assert counting.n <= 11


class Counting:
    n = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.n += 1
        return execute(*args)
