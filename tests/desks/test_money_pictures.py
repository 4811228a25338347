"""Pictures of money: what a mark says is what its list adds up to, and the list is what the ledger says."""

import datetime
import html
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit import clock
from casework import payments
from casework.desks.funds import flow, unanswered
from casework.desks.funds.entries import NOT_ALLOCATED, NOT_GIVEN_ON, SUMS, Chosen
from funds import budget, ledger
from funds import services as funds
from funds.models import Fund, Payment
from tests.casework.test_rosters import with_the_bank
from tests.desks.test_funds import a_batch, payment_of
from tests.world import START, World, make_staff


@pytest.fixture
def log_in() -> Any:
    def log_in(staff: Any) -> Client:
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def a_busy_year(world: World) -> World:
    return busy(world)


def busy(world: World) -> World:
    """Two funds; paid, returned, lost, promised and free money in two villages, of cases and of a list of visits; money of
    last year and not yet allocated.
    """
    gift = funds.open_fund("GIFT", "社会捐赠", source="raised", unit=world.county)
    funds.receive(gift, 9_000_001, key="receive:gift")
    funds.allocate(
        gift, 4_000_000, programme="education_grant", unit=world.township, year=2026, key="allocate:gift:2026"
    )
    funds.allocate(
        gift, 1_000_000, programme="disaster_relief", unit=world.township, year=2025, key="allocate:gift:2025"
    )
    for role in ("village_clerk", "village_head", "resident_cadre"):
        access.appoint(world.staff[role], role, world.other_village, by=None, valid_from=START)
    there, also_there = world.household(world.other_village), world.household(world.other_village)
    paid = world.brought_to("fund_reserved", amount_fen=200_000)
    back = world.brought_to("fund_reserved", household=there, amount_fen=70_050)
    lost = world.brought_to("fund_reserved", household=also_there, amount_fen=90_000)
    world.brought_to("fund_reserved", amount_fen=33_300)
    a_batch(world, paid, back, lost, upto="released")
    payments.record_answers(
        [
            payments.Answer(payment_of(paid).pk, True),
            payments.Answer(payment_of(back).pk, False, "户名不符"),
            payments.Answer(payment_of(lost).pk, None, "回单里没有这一笔"),
        ],
        by=world.cashier,
        key="answers",
    )
    with_the_bank(world, 1)  # visits to five families, 1,700 yuan
    return world


def marks(page: str) -> Iterator[tuple[str, int]]:
    """(address, fen) of every mark of the pictures on a page: the amount stands in its title."""
    for url, title in re.findall(r'<a class="[^"]*" href="([^"]+)"><title>([^<]+)</title>', page):
        amount = re.search(r"([\d,]+)(?:\.(\d\d))? 元", title)
        yield html.unescape(url), int(amount[1].replace(",", "")) * 100 + int(amount[2] or 0)


# ---------------------------------------------------------------- from where to where


@pytest.mark.parametrize("asked", [{}, {"by": "township"}, {"year": "2025"}])
def test_every_mark_of_the_flow_is_the_sum_of_its_list(a_busy_year: World, log_in: Any, asked: dict) -> None:
    client = log_in(a_busy_year.fund_manager)

    page = client.get(reverse("funds:flow"), asked)

    found = set(marks(page.content.decode()))
    assert len(found) >= (3 if asked.get("year") else 12)
    for url, fen in found:
        assert client.get(url).context["sum_fen"] == fen, url


def test_the_flow_is_the_ledger(a_busy_year: World, log_in: Any) -> None:
    page = log_in(a_busy_year.fund_manager).get(reverse("funds:flow"))

    nodes = {box.node.key: box.node.fen for box in page.context["sankey"]["wide"].boxes}
    kept = list(Fund.objects.filter(code__in=["CARE", "GIFT"]))
    balances = ledger.balances(kept)
    last_year = 1_000_000
    for fund in kept:
        assert nodes["fund", fund.pk] == balances[fund.pk].total_fen - (last_year if fund.code == "GIFT" else 0)
    assert (
        nodes["goal", "held"]
        == sum(balance.held_fen for balance in balances.values())
        == 70_050 + 90_000 + 33_300 + 170_000
    )
    assert nodes["goal", "free"] == sum(balance.free_fen for balance in balances.values()) - last_year
    assert nodes["place", a_busy_year.village.pk] == 200_000
    assert nodes["programme", "-"] == 4_000_001
    assert nodes["programme", "visit_condolence"] == 10_000_000
    assert "金额（元）" in page.content.decode()


def test_what_waits_to_be_given_on_is_a_mark_of_its_own(a_busy_year: World, log_in: Any) -> None:
    """Set aside for the township, for no programme yet: not what the fund has not set aside at all."""
    gift = Fund.objects.get(code="GIFT")
    funds.allocate(gift, 1_500_000, programme="", unit=a_busy_year.township, year=2026, key="whole")
    client = log_in(a_busy_year.fund_manager)

    page = client.get(reverse("funds:flow"), {"fund": gift.pk})

    nodes = {box.node.key: box.node for box in page.context["sankey"]["wide"].boxes}
    loose, waiting = nodes["programme", NOT_ALLOCATED], nodes["programme", NOT_GIVEN_ON]
    assert (loose.label, loose.fen) == ("还没有分配", 2_500_001)
    assert loose.fen == client.get(reverse("funds:fund", args=[gift.pk])).context["unallocated_fen"]
    assert (waiting.label, waiting.fen) == ("待下拨", 1_500_000)
    assert client.get(waiting.url).context["words"] == ["2026 年", "社会捐赠", "待下拨"]
    for url, fen in set(marks(page.content.decode())):
        assert client.get(url).context["sum_fen"] == fen, url


def test_the_flow_of_one_fund_shows_that_fund_alone(a_busy_year: World, log_in: Any) -> None:
    gift = Fund.objects.get(code="GIFT")
    client = log_in(a_busy_year.fund_manager)

    page = client.get(reverse("funds:flow"), {"fund": gift.pk})

    sources = [box.node for box in page.context["sankey"]["wide"].boxes if box.node.column == 0]
    assert [(node.key, node.fen) for node in sources] == [(("fund", gift.pk), 8_000_001)]
    for url, fen in set(marks(page.content.decode())):
        assert client.get(url).context["sum_fen"] == fen, url


def test_what_is_merged_is_still_the_sum_of_its_list(
    a_busy_year: World, log_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for two names only, the third and all others stand together and their list leaves the named ones out."""
    for most in ("MOST_FUNDS", "MOST_PROGRAMMES", "MOST_PLACES"):
        monkeypatch.setattr(flow, most, 2)
    third = funds.open_fund("DUES", "会费", source="dues", unit=a_busy_year.county)
    funds.receive(third, 1_234, key="receive:dues")
    client = log_in(a_busy_year.fund_manager)

    page = client.get(reverse("funds:flow")).content.decode()

    assert "其他 2 项资金" in page
    for url, fen in set(marks(page)):
        assert client.get(url).context["sum_fen"] == fen, url


def test_places_that_a_picture_names_by_itself_are_left_out_of_the_rest(a_busy_year: World, log_in: Any) -> None:
    lost = Payment.objects.get(state="unknown")
    payments.record_answers([payments.Answer(lost.pk, True)], by=a_busy_year.cashier, key="found")
    client, paid = log_in(a_busy_year.fund_manager), Chosen("paid", 2026)

    def sum_of(chosen: Chosen) -> int:
        return client.get(chosen.url).context["sum_fen"]

    assert sum_of(paid) == 290_000
    assert sum_of(paid.but(not_village=(a_busy_year.village.pk,))) == 90_000
    assert sum_of(paid.but(not_township=(a_busy_year.township.pk,))) == 0


def test_a_year_without_money_says_so(world: World, log_in: Any) -> None:
    page = log_in(world.fund_manager).get(reverse("funds:flow"), {"year": "2019"})

    assert page.context["sankey"] is None
    assert "这一年还没有钱" in page.content.decode()


# ---------------------------------------------------------------- how fast


def test_every_mark_of_the_pace_leads_to_the_rows_of_its_month(a_busy_year: World, log_in: Any) -> None:
    with clock.frozen_at(START + datetime.timedelta(days=40)):
        lost = Payment.objects.get(state="unknown")
        payments.record_answers([payments.Answer(lost.pk, True)], by=a_busy_year.cashier, key="found")
        client = log_in(a_busy_year.fund_manager)
        picture = client.get(reverse("funds:pace")).context["burndown"]

        for row in picture["rows"]:
            for figure in ("used", "paid"):
                assert client.get(row[f"{figure}_url"]).context["sum_fen"] == row[f"{figure}_fen"]
        for figure in ("budget", "used", "paid"):
            assert client.get(picture[f"{figure}_url"]).context["sum_fen"] == picture[f"{figure}_fen"]

    by_then = [(row["used_by_then_fen"], row["paid_by_then_fen"]) for row in picture["rows"]]
    assert by_then[2:5] == [(0, 0), (563_350, 200_000), (563_350, 290_000)]
    assert [row["has_begun"] for row in picture["rows"]].count(True) == 5


def test_the_pace_of_an_allocation_has_its_own_budget_and_plan(a_busy_year: World, log_in: Any) -> None:
    allocation = Fund.objects.get(code="GIFT").allocations.get(year=2026)

    picture = (
        log_in(a_busy_year.fund_manager).get(reverse("funds:pace"), {"allocation": allocation.pk}).context["burndown"]
    )

    assert picture["budget_fen"] == 4_000_000
    assert [row["plan_fen"] for row in picture["rows"]][::3] == [333_333, 1_333_332, 2_333_331, 3_333_330]
    assert picture["plan_now_fen"] == 1_333_332


def test_the_pace_and_the_budget_tell_one_plan(a_busy_year: World, log_in: Any) -> None:
    gift = Fund.objects.get(code="GIFT")
    written = [100_000] * 4 + [0] * 7 + [3_600_000]
    budget.set_plan(gift.allocations.get(year=2026), written)
    client = log_in(a_busy_year.fund_manager)

    of_gift = client.get(reverse("funds:pace"), {"fund": gift.pk}).context["burndown"]
    of_all = client.get(reverse("funds:pace")).context["burndown"]

    assert [row["plan_fen"] for row in of_gift["rows"]] == list(accumulate(written))
    table = client.get(reverse("funds:budget")).context
    assert of_gift["plan_now_fen"] == 400_000
    assert of_all["plan_now_fen"] == of_all["rows"][3]["plan_fen"] == table["whole"].plan_fen


# ---------------------------------------------------------------- how long


def test_every_band_of_age_is_the_list_of_its_payments(a_busy_year: World, log_in: Any) -> None:
    """Sent on a Wednesday; three weeks and the May holidays later the rest is older than seven working days."""
    client = log_in(a_busy_year.cashier)
    fresh = client.get(reverse("funds:ageing")).context["ageing"]["rows"]
    with clock.frozen_at(START + datetime.timedelta(days=26)):
        older = client.get(reverse("funds:ageing"))
        lists = [client.get(url).context for url, _fen in set(marks_of_ages(older.content.decode()))]

    assert [row.band.fen for row in fresh] == [330_050, 0, 0, 0]
    assert [row.band.fen for row in older.context["ageing"]["rows"]] == [0, 0, 330_050, 0]
    assert sorted((found["sum_n"], sum(row["amount_fen"] for row in found["sums"])) for found in lists) == [
        (1, 70_050),
        (1, 90_000),
        (5, 170_000),
    ]


def marks_of_ages(page: str) -> Iterator[tuple[str, str]]:
    for url, title in re.findall(r'<a class="age-\w+" href="([^"]+)"><title>([^<]+)</title>', page):
        yield html.unescape(url), title


def test_the_bands_are_working_days(world: World) -> None:
    """15 April 2026 is a Wednesday; the Qingming holiday takes Monday the 6th."""
    bands = unanswered.bands(START)

    assert [band.first for band in bands] == [
        datetime.date(2026, 4, 10),
        datetime.date(2026, 4, 3),
        datetime.date(2026, 3, 3),
        None,
    ]
    assert [band.last for band in bands][0] is None
    assert all(
        newer.first - older.last == datetime.timedelta(days=1) for newer, older in zip(bands, bands[1:], strict=False)
    )


def test_money_given_back_after_a_return_waits_for_nobody(a_busy_year: World, log_in: Any) -> None:
    returned = Payment.objects.get(state="returned")
    funds.release(returned.reservation, reason="换人")

    rows = log_in(a_busy_year.cashier).get(reverse("funds:ageing")).context["ageing"]["rows"]

    assert sum(row.band.fen for row in rows) == 90_000 + 170_000


# ---------------------------------------------------------------- reach and cost


PAGES = ["funds:flow", "funds:pace", "funds:ageing"]


@pytest.fixture
def stranger(world: World) -> Any:
    """The fund manager of another county."""
    elsewhere = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent,
        province=world.county.province, prefecture=world.county.prefecture, valid_from=datetime.date(2020, 1, 1),
    )  # fmt: skip
    elsewhere.county = elsewhere
    elsewhere.save()
    staff = make_staff("stranger", "stranger")
    access.appoint(staff, "fund_manager", elsewhere, by=None, valid_from=START)
    return staff


def test_the_rows_behind_a_figure_stand_by_their_day_newest_first(a_busy_year: World, log_in: Any) -> None:
    with clock.frozen_at(START.replace(month=1, day=5)):  # written down last, of an earlier day
        funds.receive(a_busy_year.fund, 100_000, key="receive:late")

    rows = log_in(a_busy_year.fund_manager).get(reverse("funds:entries")).context["rows"]
    shown = [(row["transfer"].business_date, row["transfer"].pk) for row in rows]
    assert shown == sorted(shown, reverse=True) and shown != sorted(shown, key=lambda one: one[1], reverse=True)


def test_another_county_sees_none_of_it(a_busy_year: World, stranger: Any, log_in: Any) -> None:
    client, world = log_in(stranger), a_busy_year

    assert client.get(reverse("funds:flow")).context["sankey"] is None
    assert client.get(reverse("funds:pace")).context["burndown"] is None
    assert client.get(reverse("funds:ageing")).context["count"] == 0
    for url in ("funds:flow", "funds:pace", "funds:entries"):
        assert client.get(reverse(url), {"fund": world.fund.pk}).status_code == 404
    for asked in ({"allocation": world.fund.allocations.first().pk}, {"village": world.village.pk}):
        assert client.get(reverse("funds:entries"), asked).status_code == 404
    for figure in SUMS:
        assert client.get(reverse("funds:entries"), {"figure": figure}).context["sum_fen"] == 0


@pytest.mark.parametrize("page", [*PAGES, "funds:entries"])
def test_a_post_without_money_finds_no_page(world: World, log_in: Any, page: str) -> None:
    found = log_in(world.sysadmin).get(reverse(page))

    assert found.status_code == 404


def test_what_no_money_within_reach_is_set_aside_for_is_no_page(a_busy_year: World, stranger: Any, log_in: Any) -> None:
    manager, entries = log_in(a_busy_year.fund_manager), reverse("funds:entries")

    assert manager.get(entries, {"programme": "visit_condolence"}).context["words"] == ["走访慰问"]
    assert manager.get(entries, {"programme": "no_such_thing"}).status_code == 404
    assert log_in(stranger).get(entries, {"programme": "visit_condolence"}).status_code == 404


@pytest.mark.parametrize("nonsense", ["figure=x", "fund=x", "year=99999999999999999999", "village=-1", "first=then"])
def test_nonsense_in_an_address_is_no_error_page(a_busy_year: World, log_in: Any, nonsense: str) -> None:
    client = log_in(a_busy_year.fund_manager)

    for page in [*PAGES, "funds:entries"]:
        assert client.get(f"{reverse(page)}?{nonsense}").status_code in (200, 404)


@pytest.mark.parametrize(
    ("page", "most"), [("funds:flow", 22), ("funds:pace", 23), ("funds:ageing", 17), ("funds:entries", 20)]
)
def test_the_pictures_cost_the_same_however_much_money_there_is(
    a_busy_year: World, log_in: Any, page: str, most: int
) -> None:
    client = log_in(a_busy_year.fund_manager)
    client.get(reverse(page))
    before = _queries(client, reverse(page))
    for n in range(3):
        more = funds.open_fund(f"MORE{n}", f"又一项{n}", source="partner", unit=a_busy_year.county)
        funds.receive(more, 500_000, key=f"receive:more:{n}")
        funds.allocate(
            more, 400_000, programme="elderly_support", unit=a_busy_year.township, year=2026, key=f"allocate:more:{n}"
        )
    world_case = a_busy_year.brought_to("fund_reserved", amount_fen=10_000)
    a_batch(a_busy_year, world_case, upto="released")

    assert _queries(client, reverse(page)) == before <= most


def _queries(client: Client, url: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
