"""Where money comes from: every income has its paper, and what a donor's money did is a share and no more."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import clock, trail
from funds import budget, ledger, proposals, receipts
from funds import services as funds
from funds.errors import FundShort, WrongReceipt
from funds.models import Campaign, Donor, Fund, Receipt, Transfer
from tests.owner import owner
from tests.world import START, World


def sql(statement: str, *params: Any) -> None:
    with transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refuses(statement: str, *params: Any, match: str) -> None:
    with pytest.raises(DatabaseError, match=match):
        sql(statement, *params)
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def gift(world: World) -> Fund:
    return funds.open_fund("GIFT", "助学捐赠", source="raised", unit=world.county)


@pytest.fixture
def donor(world: World) -> Donor:
    return receipts.add_donor(world.county, "company", "爱心企业甲", key="d1")


def a_donation(donor: Donor, fen: int = 10_000, no: str = "No.1", **more: Any) -> receipts.Income:
    return receipts.Income("donation", fen, START, donor=donor, receipt_no=no, **more)


def test_an_income_is_entered_once_with_its_paper(world: World, gift: Fund, donor: Donor) -> None:
    income = a_donation(donor, purpose_words="助学", bank_reference="B-7")

    made = [receipts.record(gift, income, by=world.fund_manager, key="r1") for _press in range(2)]

    assert made[0] == made[1]
    assert ledger.balances([gift])[gift.pk].available_fen == 10_000
    transfer = Transfer.objects.get(key="r1")
    assert (transfer.kind, transfer.document_no, transfer.reason) == ("receive", "No.1", "助学")
    assert transfer.recorded_by == transfer.receipt.recorded_by == world.fund_manager
    assert "funds_receipt" in {link.table for link in trail.entries(f"fund:{gift.pk}")}


def test_a_used_key_does_not_enter_something_else(world: World, gift: Fund, donor: Donor) -> None:
    receipts.record(gift, a_donation(donor), by=world.fund_manager, key="r1")

    with pytest.raises(WrongReceipt, match="另一笔"):
        receipts.record(gift, a_donation(donor, 20_000, "No.2"), by=world.fund_manager, key="r1")


@pytest.mark.parametrize(
    ("income", "words"),
    [
        ({"kind": "donation", "receipt_no": "X"}, "谁捐的"),
        ({"kind": "donation", "with_donor": True}, "票据"),
        ({"kind": "fiscal", "document_no": "财〔2026〕1号"}, "不收这种钱"),
        ({"kind": "other", "received_on": START + datetime.timedelta(1)}, "不能晚于今天"),
    ],
)
def test_an_income_without_its_paper_is_refused_and_leaves_nothing(
    world: World, gift: Fund, donor: Donor, income: dict[str, Any], words: str
) -> None:
    facts = {"amount_fen": 100, "received_on": START} | income
    if facts.pop("with_donor", False):
        facts["donor"] = donor
    before = Transfer.objects.count()

    with pytest.raises(WrongReceipt, match=words):
        receipts.record(gift, receipts.Income(**facts), by=world.fund_manager, key="bad")

    assert (Transfer.objects.count(), Receipt.objects.count()) == (before, 0)
    assert ledger.balances([gift])[gift.pk].total_fen == 0


def test_fiscal_money_names_its_document(world: World) -> None:
    with pytest.raises(WrongReceipt, match="文号"):
        receipts.record(world.fund, receipts.Income("fiscal", 100, START), by=world.fund_manager, key="f")

    receipts.record(
        world.fund,
        receipts.Income("fiscal", 100, START, document_no="岚财社〔2026〕9号"),
        by=world.fund_manager,
        key="f",
    )


def test_a_receipt_number_is_never_used_again_even_after_a_reversal(world: World, gift: Fund, donor: Donor) -> None:
    receipt = receipts.record(gift, a_donation(donor), by=world.fund_manager, key="r1")
    wrong = budget.propose_reversal(receipt.transfer, by=world.fund_manager, key="p", reason="金额记错")
    proposals.confirm(wrong.pk, by=world.fund_checker)

    with pytest.raises(WrongReceipt, match="票据号已经用过"):
        receipts.record(gift, a_donation(donor, 9_000), by=world.fund_manager, key="r2")

    assert ledger.balances([gift])[gift.pk].total_fen == 0
    assert not receipts.standing(Receipt.objects.all()).exists()
    assert receipts.totals_of([donor]) == {} and receipts.given_by(donor) == []


def test_what_was_spent_cannot_be_reversed_away(world: World, gift: Fund, donor: Donor) -> None:
    receipt = receipts.record(gift, a_donation(donor), by=world.fund_manager, key="r1")
    funds.allocate(gift, 6_000, programme="education_grant", unit=world.township, year=2026, key="a")
    wrong = budget.propose_reversal(receipt.transfer, by=world.fund_manager, key="p", reason="记错")

    with pytest.raises(FundShort):
        proposals.confirm(wrong.pk, by=world.fund_checker)

    wrong.refresh_from_db()
    assert wrong.state == "proposed" and not Transfer.objects.filter(reverses=receipt.transfer).exists()


def test_the_raw_row_is_held_to_its_transfer(world: World, gift: Fund, donor: Donor) -> None:
    receipt = receipts.record(gift, a_donation(donor), by=world.fund_manager, key="r1")
    other = funds.receive(gift, 500, key="no paper")
    allocated = Transfer.objects.filter(kind="allocate").first()
    insert = """INSERT INTO funds_receipt (kind, unit_id, fund_id, amount_fen, received_on, document_no, purpose_words,
                bank_reference, transfer_id) VALUES (%s, %s, %s, %s, %s, 'Z', '', '', %s)"""
    county, town = world.county.pk, world.township.pk

    refuses(insert, "other", county, gift.pk, 501, START, other.pk, match="not what transfer")
    refuses(insert, "other", county, world.fund.pk, 500, START, other.pk, match="not what transfer")
    refuses(insert, "other", town, gift.pk, 500, START, other.pk, match="not what transfer")
    refuses(insert, "other", county, gift.pk, 500, "2026-04-16", other.pk, match="not what transfer")
    refuses(insert, "other", county, world.fund.pk, allocated.amount_fen, START, allocated.pk, match="not what")
    refuses(insert, "fiscal", county, gift.pk, 500, START, other.pk, match="takes no fiscal money")
    refuses("UPDATE funds_receipt SET receipt_no = 'No.9' WHERE id = %s", receipt.pk, match="append-only")
    refuses("DELETE FROM funds_receipt WHERE id = %s", receipt.pk, match="append-only")
    sql(insert, "other", county, gift.pk, 500, START, other.pk)


def test_a_donor_stands_once_on_a_list_and_stays(world: World, donor: Donor) -> None:
    again = receipts.add_donor(world.county, "company", "爱心企业甲", key="d1")
    with pytest.raises(WrongReceipt, match="已经有这个单位"):
        receipts.add_donor(world.county, "company", "爱心企业甲", key="d2")
    receipts.add_donor(world.county, "anonymous", "张三", key="d3")
    with pytest.raises(WrongReceipt, match="不留名"):
        receipts.add_donor(world.county, "anonymous", key="d4")
    with pytest.raises(WrongReceipt, match="名字"):
        receipts.add_donor(world.county, "person", " ", key="d5")

    assert again == donor
    nameless = Donor.objects.get(kind="anonymous")
    assert (nameless.name, nameless.masked) == ("", "不留名的捐赠人")
    assert receipts.add_donor(world.county, "person", "云望舒", key="d6").masked == "云＊＊"
    refuses("UPDATE funds_donor SET name = '别人' WHERE id = %s", donor.pk, match="recorded anew")


def test_a_donor_of_another_house_is_not_written_here(world: World, gift: Fund) -> None:
    from access.models import OrgUnit

    elsewhere = OrgUnit.objects.create(
        code="990102", name="别县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    OrgUnit.objects.filter(pk=elsewhere.pk).update(county=elsewhere)
    stranger = receipts.add_donor(elsewhere, "company", "别县企业", key="s")

    with pytest.raises(WrongReceipt, match="别处的名单"):
        receipts.record(gift, a_donation(stranger), by=world.fund_manager, key="r")


def test_a_donors_share_is_told_in_proportion_and_adds_up(world: World, gift: Fund, donor: Donor) -> None:
    """10 yuan of 30: a third of what was paid, promised, moved away and left, to the fen."""
    second = receipts.add_donor(world.county, "person", "云望舒", key="d2")
    receipts.record(gift, a_donation(donor, 1_000), by=world.fund_manager, key="r1")
    receipts.record(gift, a_donation(second, 2_000, "No.2"), by=world.fund_manager, key="r2")
    funds.allocate(gift, 1_900, programme="education_grant", unit=world.township, year=2026, key="a")
    hand_back = budget.propose_hand_back(gift, 100, by=world.fund_manager, key="h", reason="退")
    proposals.confirm(hand_back.pk, by=world.fund_checker)

    (given,) = receipts.given_by(donor)

    whole, part = given.whole, given.part
    assert (whole.income_fen, whole.gone_fen, whole.free_fen) == (3_000, 100, 2_900)
    assert (part.income_fen, part.gone_fen, part.free_fen) == (1_000, 33, 967)
    assert part.paid_fen + part.held_fen + part.free_fen + part.gone_fen == given.given_fen


def test_a_campaign_takes_donations_while_it_is_open(world: World, gift: Fund, donor: Donor) -> None:
    campaign = receipts.open_campaign(gift, "春季助学", purpose_words="助学", starts_on=datetime.date(2026, 4, 1))
    assert campaign == receipts.open_campaign(
        gift, "春季助学", purpose_words="助学", starts_on=datetime.date(2026, 4, 1)
    )
    receipts.record(gift, a_donation(donor, campaign=campaign), by=world.fund_manager, key="r1")
    early = receipts.Income(
        "donation", 5, datetime.date(2026, 3, 31), donor=donor, receipt_no="No.2", campaign=campaign
    )

    with pytest.raises(WrongReceipt, match="没有开始"):
        receipts.record(gift, early, by=world.fund_manager, key="r2")
    receipts.close_campaign(campaign)
    with clock.frozen_at(START + datetime.timedelta(1)), pytest.raises(WrongReceipt, match="已经结束"):
        late = receipts.Income("donation", 5, clock.today(), donor=donor, receipt_no="No.3", campaign=campaign)
        receipts.record(gift, late, by=world.fund_manager, key="r3")

    assert receipts.raised_fen([campaign]) == {campaign.pk: 10_000}
    for change in ("purpose_words = '别的'", "starts_on = '2026-01-01'", "closed_on = NULL"):
        refuses(f"UPDATE funds_campaign SET {change} WHERE id = %s", campaign.pk, match="stays")
    with pytest.raises(WrongReceipt, match="募集资金"):
        receipts.open_campaign(world.fund, "不行", purpose_words="x", starts_on=START)


@pytest.mark.parametrize(
    ("starts", "ends", "published", "closed", "due"),
    [
        ("2026-02-01", "2026-05-31", None, None, None),  # a short one, still running
        ("2025-08-01", None, None, None, "2025-11-01"),  # eight months, never told
        ("2026-03-01", None, None, None, "2026-06-01"),  # without an end: told before it is late
        ("2025-08-01", None, "2026-03-31", None, "2026-06-30"),
        ("2026-02-01", "2026-12-01", None, None, "2026-05-01"),  # planned for longer than six months
        ("2025-11-01", "2026-01-15", None, None, "2026-04-15"),  # ended: once within three months
        ("2025-11-01", None, "2026-02-01", "2026-02-20", "2026-05-20"),
        ("2025-11-01", None, "2026-03-01", "2026-02-20", None),
    ],
)
def test_a_long_campaign_is_published_every_three_months(
    starts: str, ends: str | None, published: str | None, closed: str | None, due: str | None
) -> None:
    def day(text: str | None) -> datetime.date | None:
        return datetime.date.fromisoformat(text) if text else None

    campaign = Campaign(starts_on=day(starts), ends_on=day(ends), published_on=day(published), closed_on=day(closed))

    assert receipts.publication_due(campaign) == day(due)


def test_publishing_says_where_and_goes_forward(world: World, gift: Fund) -> None:
    campaign = receipts.open_campaign(gift, "春季助学", purpose_words="助学", starts_on=START)
    with pytest.raises(WrongReceipt, match="公布在哪里"):
        receipts.publish_campaign(campaign, where=" ")
    receipts.publish_campaign(campaign, where="公开栏")

    assert campaign.history.count() == 2
    refuses("UPDATE funds_campaign SET published_on = '2026-01-01' WHERE id = %s", campaign.pk, match="stays")
