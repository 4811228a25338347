"""The pages of income: each with its paper, donors masked in lists, and nobody's help on a donor's statement."""

import datetime
from typing import Any

import pytest
from django.urls import reverse

from audit import clock
from casework import payments
from casework.desks.funds.forms import new_key
from funds import ledger, receipts
from funds import services as funds
from funds.models import Campaign, Donor, Fund, Receipt, Transfer
from tests.desks.test_budget import log_in, stranger
from tests.desks.test_funds import a_batch, payment_of
from tests.world import START, World


@pytest.fixture
def gift(world: World) -> Fund:
    return funds.open_fund("GIFT", "关爱捐赠", source="raised", unit=world.county)


@pytest.fixture
def donor(world: World) -> Donor:
    return receipts.add_donor(world.county, "person", "云望舒", key="d")


def give(world: World, fund: Fund, donor: Donor, fen: int, no: str, **more: Any) -> Receipt:
    income = receipts.Income("donation", fen, START, donor=donor, receipt_no=no, **more)
    return receipts.record(fund, income, by=world.fund_manager, key=f"gift:{no}")


def form_of(donor: Donor, **more: Any) -> dict[str, Any]:
    return {
        "key": new_key(), "kind": "donation", "amount_fen": "1万", "received_on": "2026-04-14", "donor": donor.pk,
        "receipt_no": "QH1", "purpose_words": "助学",
    } | more  # fmt: skip


def test_a_donation_is_entered_once_and_its_paper_can_be_printed(world: World, gift: Fund, donor: Donor) -> None:
    client, url, form = log_in(world.fund_manager), reverse("funds:receive", args=[gift.pk]), form_of(donor)

    answers = [client.post(url, form) for _press in range(2)]

    receipt = Receipt.objects.get()
    assert [answer.url for answer in answers] == [reverse("funds:receipt", args=[receipt.pk])] * 2
    assert (receipt.amount_fen, receipt.received_on) == (1_000_000, datetime.date(2026, 4, 14))
    assert receipt.transfer.business_date == START and receipt.recorded_by == world.fund_manager
    paper = client.get(answers[0].url).text
    for words in ("捐赠票据", "QH1", "壹万元整", "云望舒", "关爱捐赠", "助学"):
        assert words in paper, words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"donor": ""}, "请选是谁捐的"),
        ({"receipt_no": ""}, "票据号"),
        ({"receipt_no": "USED"}, "票据号已经用过"),
        ({"kind": "fiscal"}, ""),
        ({"received_on": "2026-04-16"}, "不能晚于"),
        ({"amount_fen": "-1"}, ""),
        ({"amount_fen": "NaN"}, ""),
    ],
)
def test_a_wrong_paper_is_refused_in_words_and_nothing_is_entered(
    world: World, gift: Fund, donor: Donor, change: dict[str, str], words: str
) -> None:
    give(world, gift, donor, 5, "USED")
    before = Transfer.objects.count()

    answer = log_in(world.fund_manager).post(reverse("funds:receive", args=[gift.pk]), form_of(donor) | change)

    assert answer.context["form"].errors and words in answer.text
    assert Transfer.objects.count() == before and Receipt.objects.count() == 1


def test_fiscal_money_is_asked_for_its_document_and_for_no_donor(world: World, donor: Donor) -> None:
    client, url = log_in(world.fund_manager), reverse("funds:receive", args=[world.fund.pk])

    form = client.get(url).context["form"]
    wordless = client.post(url, {"key": new_key(), "kind": "fiscal", "amount_fen": "5", "received_on": "2026-04-15"})

    assert "donor" not in form.fields and [kind for kind, _title in form.fields["kind"].choices] == ["fiscal", "other"]
    assert "财政资金要写文号或指标号" in wordless.text
    client.post(
        url,
        {"key": new_key(), "kind": "fiscal", "amount_fen": "5", "received_on": "2026-04-15", "document_no": "财1"},
    )
    assert Receipt.objects.get().document_no == "财1"


def test_persons_are_masked_in_lists_and_found_by_their_whole_name_alone(
    world: World, gift: Fund, donor: Donor
) -> None:
    give(world, gift, donor, 500, "N1")
    client = log_in(world.fund_manager)

    for url in (reverse("funds:donors"), reverse("funds:receipts")):
        text = client.get(url).text
        assert "云＊＊" in text and "云望舒" not in text
    listed = client.get(reverse("funds:donors"), {"q": "云望舒"}).context["rows"]
    assert [(row["donor"], row["count"], row["fen"]) for row in listed] == [(donor, 1, 500)]
    assert client.get(reverse("funds:donors"), {"q": "望"}).context["rows"] == []
    assert "云望舒" in client.get(reverse("funds:donor", args=[donor.pk])).text


def test_a_donor_is_listed_once_however_often_the_button_is_pressed(world: World) -> None:
    client, url = log_in(world.fund_manager), reverse("funds:add_donor")
    form = {"key": new_key(), "kind": "person", "name": "云望舒", "unit": world.county.pk}

    for _press in range(2):
        client.post(url, form)

    made = Donor.objects.get()
    assert made.history.get().history_user_id == world.fund_manager.pk
    assert "请写捐赠人的名字" in client.post(url, form | {"key": new_key(), "name": " "}).text


def test_a_statement_tells_shares_and_no_familys_name(world: World, gift: Fund, donor: Donor) -> None:
    """A quarter of the fund is hers; 2,000 yuan were paid from it, so a quarter of that is told."""
    give(world, gift, donor, 100_000, "N1")
    other = receipts.add_donor(world.county, "company", "爱心企业甲", key="o")
    give(world, gift, other, 300_000, "N2")
    funds.allocate(gift, 400_000, programme="disaster_relief", unit=world.village, year=2026, key="x")
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    a_batch(world, case, upto="released")
    payments.record_answers([payments.Answer(payment_of(case).pk, True)], by=world.cashier, key="a")

    page = log_in(world.fund_manager).get(reverse("funds:donor", args=[donor.pk]))

    (given,) = page.context["given"]
    assert given["whole"].paid_fen == 200_000 and given["part"].paid_fen == 50_000
    assert given["paid_for"][0]["part_fen"] == 50_000 and given["part"].free_fen == 50_000
    assert "占这项资金的 25%" in page.text and "分不出哪一元是谁的" in page.text
    assert case.head_name not in page.text and case.case_no not in page.text


def test_a_campaign_shows_what_came_in_what_was_used_and_when_it_must_be_told(
    world: World, gift: Fund, donor: Donor
) -> None:
    client = log_in(world.fund_manager)
    form = {
        "key": new_key(), "name": "暖冬", "fund": gift.pk, "purpose_words": "冬衣", "starts_on": "2025-09-01", "ends_on": "",
    }  # fmt: skip
    for _press in range(2):
        client.post(reverse("funds:open_campaign"), form)
    campaign = Campaign.objects.get()
    give(world, gift, donor, 900, "N1", campaign=campaign)
    give(world, gift, donor, 100, "N2")
    url = reverse("funds:campaign", args=[campaign.pk])

    page = client.get(url)
    assert (page.context["raised_fen"], page.context["part"].free_fen) == (900, 900)
    assert "该公布了" in page.text and "的 90%" in page.text
    assert client.post(reverse("funds:publish_campaign", args=[campaign.pk]), {"key": new_key()}).status_code == 200
    client.post(reverse("funds:publish_campaign", args=[campaign.pk]), {"key": new_key(), "where": "公开栏"})
    assert "该公布了" not in client.get(url).text
    with clock.frozen_at(datetime.date(2026, 7, 16)):
        assert "该公布了" in client.get(url).text
    client.post(reverse("funds:close_campaign", args=[campaign.pk]))
    assert (
        campaign not in client.get(reverse("funds:receive", args=[gift.pk])).context["form"].fields["campaign"].queryset
    )


def test_another_county_and_other_posts_find_nothing_or_only_look(world: World, gift: Fund, donor: Donor) -> None:
    receipt = give(world, gift, donor, 500, "N1")
    campaign = receipts.open_campaign(gift, "暖冬", purpose_words="冬衣", starts_on=START)
    pages = [
        reverse("funds:receipt", args=[receipt.pk]),
        reverse("funds:donor", args=[donor.pk]),
        reverse("funds:campaign", args=[campaign.pk]),
        reverse("funds:receive", args=[gift.pk]),
    ]
    outside, cashier = log_in(stranger(world)), log_in(world.cashier)

    assert [outside.get(url).status_code for url in pages] == [404] * 4
    assert [cashier.get(url).status_code for url in pages] == [200, 200, 200, 403]
    assert log_in(world.village_clerk).get(reverse("funds:donors")).status_code == 404
    assert "只能看" in cashier.get(reverse("funds:campaigns")).text
    for name in ("publish_campaign", "close_campaign"):
        assert cashier.post(reverse(f"funds:{name}", args=[campaign.pk]), {"where": "x"}).status_code == 403
    assert cashier.post(reverse("funds:add_donor")).status_code == 403
    assert outside.get(reverse("funds:receipts")).context["page"].paginator.count == 0


def test_no_list_of_sources_asks_more_the_longer_it_is(
    world: World, gift: Fund, donor: Donor, django_assert_max_num_queries: Any
) -> None:
    campaign = receipts.open_campaign(gift, "暖冬", purpose_words="冬衣", starts_on=START)
    give(world, gift, donor, 500, "N", campaign=campaign)
    client = log_in(world.fund_manager)
    pages = [
        *(reverse(f"funds:{name}") for name in ("receipts", "donors", "campaigns")),
        reverse("funds:donor", args=[donor.pk]),
        reverse("funds:campaign", args=[campaign.pk]),
        reverse("funds:fund", args=[gift.pk]),
    ]

    def counts() -> list[int]:
        found = []
        for url in pages:
            client.get(url)
            with django_assert_max_num_queries(24) as asked:
                assert client.get(url).status_code == 200
            found.append(len(asked))
        return found

    few = counts()
    for n in range(30):
        give(
            world,
            gift,
            receipts.add_donor(world.county, "person", f"云望{n}", key=f"m{n}"),
            5,
            f"M{n}",
            campaign=campaign,
        )
        give(world, gift, donor, 5, f"D{n}")
        receipts.open_campaign(gift, f"募捐{n}", purpose_words="x", starts_on=START)
    assert counts() == few
    assert ledger.check().drift_fen == 0
