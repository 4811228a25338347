"""The budget page adds up at every level, each figure opens into its rows, and money is divided where somebody manages it."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit import clock
from casework import payments
from casework.desks.funds.forms import new_key
from funds import budget, ledger, proposals
from funds import services as funds
from funds.models import Allocation, Fund, Transfer
from tests.desks.test_funds import a_batch, payment_of
from tests.world import START, World, make_staff


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def a_tree(world: World) -> tuple[Fund, Allocation, Allocation, Allocation]:
    """County 90,000 -> township 60,000 -> disaster relief 40,000, in yuan times a hundred."""
    fund = funds.open_fund(
        "NEW", "新资金", source="fiscal", unit=world.county, document_no="Z-1", fiscal_level="county"
    )
    funds.receive(fund, 10_000_000, key="receive:NEW")
    county = funds.allocate(fund, 9_000_000, programme="", unit=world.county, year=2026, key="a")
    town = budget.divide(county, 6_000_000, programme="", unit=world.township, key="b")
    return fund, county, town, budget.divide(town, 4_000_000, programme="disaster_relief", unit=world.township, key="c")


def stranger(world: World) -> Any:
    """A fund manager of another county."""
    elsewhere = OrgUnit.objects.create(
        code="990102", name="别县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    OrgUnit.objects.filter(pk=elsewhere.pk).update(county=elsewhere)
    staff = make_staff("stranger", "外县资金管理")
    access.appoint(staff, "fund_manager", elsewhere, by=None, valid_from=datetime.date(2026, 1, 1))
    return staff


# ---------------------------------------------------------------- the tree


def test_every_level_is_the_sum_of_what_lies_beneath_it(world: World) -> None:
    fund, county, town, relief = a_tree(world)

    page = log_in(world.fund_manager).get(reverse("funds:budget"), {"fund": fund.pk}).context

    shown = [(line.row.pk, line.depth, line.is_rest, line.sums.budget_fen) for line in page["lines"]]
    assert shown == [
        (county.pk, 0, False, 9_000_000),
        (town.pk, 1, False, 6_000_000),
        (relief.pk, 2, False, 4_000_000),
        (town.pk, 2, True, 2_000_000),
        (county.pk, 1, True, 3_000_000),
    ]
    for line in page["lines"]:
        assert line.sums.budget_fen == line.sums.committed_fen + line.sums.paid_fen + line.sums.available_fen
    assert page["whole"].budget_fen == 9_000_000


def test_what_is_promised_and_paid_stands_beside_the_plan(world: World) -> None:
    a_batch(world, world.brought_to("fund_reserved", amount_fen=200_000), upto="released")
    allocation = world.fund.allocations.get(programme="disaster_relief")
    budget.set_plan(allocation, [100_000] * 4 + [0] * 7 + [29_600_000])

    page = log_in(world.fund_manager).get(reverse("funds:budget"), {"programme": "disaster_relief"})

    (line,) = page.context["lines"]
    assert (line.sums.budget_fen, line.sums.plan_fen) == (30_000_000, 400_000)
    assert (line.sums.committed_fen, line.sums.paid_fen, line.sums.available_fen) == (200_000, 0, 29_800_000)
    assert line.sums.behind_fen == 400_000 and "比计划少付 4,000 元" in page.text


@pytest.mark.parametrize(
    ("plan", "year", "expected"),
    [
        (None, 2026, 400),  # a straight line, April
        (None, 2025, 1_200),
        (None, 2027, 0),
        ([10] * 12, 2026, 40),
        ([0, 0, 0, 7] + [0] * 8, 2026, 7),
    ],
)
def test_the_plan_line_is_the_months_so_far(plan: list[int] | None, year: int, expected: int) -> None:
    assert budget.planned_so_far(plan, 1_200, year, START) == expected


def test_each_figure_opens_into_rows_that_add_up_to_it(world: World) -> None:
    fund, county, _town, relief = a_tree(world)
    made = budget.propose_take_back(relief, 100_000, by=world.fund_manager, key="p", reason="收回")
    proposals.confirm(made.pk, by=world.fund_checker)
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=500)
    ledger.settle_now()
    client = log_in(world.fund_manager)
    lines = {
        (line.row.pk, line.is_rest): line.sums
        for line in client.get(reverse("funds:budget"), {"fund": fund.pk}).context["lines"]
    }

    for allocation, is_rest in ((county, False), (county, True), (relief, False)):
        for name in ("budget", "committed", "paid", "available"):
            asked = {"allocation": allocation.pk} | ({} if is_rest else {"parts": "1"})
            page = client.get(reverse("funds:figure", args=[fund.pk, name]), asked).context
            assert page["sum_fen"] == getattr(lines[allocation.pk, is_rest], f"{name}_fen"), (name, is_rest)
    moves = client.get(reverse("funds:figure", args=[fund.pk, "budget"]), {"allocation": relief.pk}).context["rows"]
    assert [row["transfer"].fen for row in moves] == [-100_000, 4_000_000]
    assert lines[county.pk, False].budget_fen == 9_000_000  # what went up again stays in the county's tree


def test_the_filters_keep_whole_trees(world: World) -> None:
    fund, county, town, relief = a_tree(world)
    client, url = log_in(world.fund_manager), reverse("funds:budget")

    def rows(**asked: Any) -> list[int]:
        return [line.row.pk for line in client.get(url, asked).context["lines"] if not line.is_rest]

    assert rows(fund=fund.pk, unit=world.township.pk) == [town.pk, relief.pk]
    assert rows(fund=fund.pk, programme="disaster_relief") == [relief.pk]
    assert rows(year="1999", fund=fund.pk) == [county.pk, town.pk, relief.pk]
    assert rows(fund="9" * 30, unit="x", programme="nonsense") == []


def test_another_county_sees_nothing_of_it(world: World) -> None:
    fund, county, _town, relief = a_tree(world)
    client = log_in(stranger(world))

    assert client.get(reverse("funds:budget")).context["lines"] == []
    for name in ("allocation", "divide", "plan", "take_back"):
        assert client.get(reverse(f"funds:{name}", args=[relief.pk])).status_code == 404, name
        assert client.post(reverse(f"funds:{name}", args=[relief.pk])).status_code in (404, 405), name
    for name in ("interfund", "hand_back", "carry_over"):
        assert client.get(reverse(f"funds:{name}", args=[fund.pk])).status_code == 404, name
    assert client.get(reverse("funds:figure", args=[fund.pk, "budget"]), {"allocation": county.pk}).status_code == 404


def test_a_township_sees_its_part_of_a_county_fund_and_only_looks(world: World) -> None:
    fund, county, town, relief = a_tree(world)
    client = log_in(world.township_clerk)

    page = client.get(reverse("funds:budget"))

    seen = [line.row.pk for line in page.context["lines"] if not line.is_rest]
    assert town.pk in seen and relief.pk in seen and county.pk not in seen
    assert "只能看" in page.text
    assert client.get(reverse("funds:fund", args=[fund.pk])).status_code == 404
    opened = client.get(reverse("funds:figure", args=[fund.pk, "available"]), {"allocation": town.pk, "parts": "1"})
    assert opened.context["sum_fen"] == 6_000_000 and not opened.context["sees_fund"]
    assert client.get(reverse("funds:figure", args=[fund.pk, "available"])).status_code == 404
    assert client.get(reverse("funds:allocation", args=[town.pk])).status_code == 200
    assert client.get(reverse("funds:allocation", args=[county.pk])).status_code == 404
    for name in ("divide", "plan", "take_back"):
        assert client.get(reverse(f"funds:{name}", args=[town.pk])).status_code == 403, name


# ---------------------------------------------------------------- dividing and planning


def test_dividing_twice_with_one_form_is_dividing_once(world: World) -> None:
    fund, _county, town, relief = a_tree(world)
    client, url = log_in(world.fund_manager), reverse("funds:divide", args=[town.pk])
    form = {
        "key": new_key(), "unit": world.township.pk, "programme": "disaster_relief", "amount_fen": "5000", "document_no": "Q-9",
    }  # fmt: skip

    answers = [client.post(url, form) for _press in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert ledger.allocation_balances([relief])[relief.pk].allocated_fen == 4_500_000
    transfer = Transfer.objects.get(kind="suballocate", document_no="Q-9")
    assert transfer.recorded_by == world.fund_manager
    assert fund.allocations.count() == 3


@pytest.mark.parametrize(
    ("amount", "programme", "words"),
    [("20000.01", "elderly_support", "余额不够"), ("", "elderly_support", ""), ("5", "nonsense", "")],
)
def test_a_wrong_division_is_refused_in_words_and_leaves_nothing(
    world: World, amount: str, programme: str, words: str
) -> None:
    _fund, _county, town, _relief = a_tree(world)
    before = (Transfer.objects.count(), Allocation.objects.count())

    answer = log_in(world.fund_manager).post(
        reverse("funds:divide", args=[town.pk]),
        {"key": new_key(), "unit": world.township.pk, "programme": programme, "amount_fen": amount, "document_no": "Q"},
    )

    assert answer.context["form"].errors and words in answer.text
    assert (Transfer.objects.count(), Allocation.objects.count()) == before


def test_the_plan_is_twelve_months_that_make_the_budget(world: World) -> None:
    *_above, relief = a_tree(world)
    client, url = log_in(world.fund_manager), reverse("funds:plan", args=[relief.pk])
    months = {f"m{month}": "3000" for month in range(1, 12)}

    short = client.post(url, {"key": new_key(), **months, "m12": "3000"})
    client.post(url, {"key": new_key(), **months, "m12": "7000"})
    relief.refresh_from_db()
    planned = relief.plan_fen
    client.post(url, {"key": new_key(), "even": "1"})
    relief.refresh_from_db()

    assert "差 4,000 元" in short.text
    assert planned == [300_000] * 11 + [700_000] and relief.plan_fen is None
    assert relief.history.latest().history_user_id == world.fund_manager.pk


def test_the_page_of_an_allocation_shows_month_by_month_what_was_paid(world: World) -> None:
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    a_batch(world, case, upto="released")
    payments.record_answers([payments.Answer(payment_of(case).pk, True)], by=world.cashier, key="a")
    allocation = world.fund.allocations.get(programme="disaster_relief")

    page = log_in(world.fund_manager).get(reverse("funds:allocation", args=[allocation.pk])).context

    april, may = page["months"][3], page["months"][4]
    assert (april["plan_fen"], april["planned_until_fen"], april["paid_fen"]) == (2_500_000, 10_000_000, 200_000)
    assert april["is_now"] and may["is_to_come"]
    assert sum(row["plan_fen"] for row in page["months"]) == 30_000_000


def test_a_fund_is_opened_with_every_earmark_and_says_so_everywhere(world: World) -> None:
    client = log_in(world.fund_manager)
    form = {
        "key": new_key(), "code": "flood", "name": "救灾专款", "source": "fiscal", "unit": world.county.pk, "document_no": "Z",
        "programmes": ["disaster_relief"], "purposes": ["disaster", "housing"], "only_unit": world.township.pk,
        "first_year": "2026", "last_year": "2026", "fiscal_level": "province",
    }  # fmt: skip

    wrong = client.post(reverse("funds:open"), form | {"source": "raised", "last_year": "2025"})
    client.post(reverse("funds:open"), form)

    assert "只有财政资金才有级次" in wrong.text and "不能早于最早" in wrong.text
    fund = Fund.objects.get(code="FLOOD")
    words = "省级资金；专款专用：救灾救济；只用于因灾、住房困难；只用在青禾乡；只用于 2026 年"
    funds.receive(fund, 1_000, key="in")
    funds.allocate(fund, 500, programme="disaster_relief", unit=world.township, year=2026, key="x")
    allocation = fund.allocations.get()
    for url in (
        reverse("funds:home"),
        reverse("funds:fund", args=[fund.pk]),
        reverse("funds:allocate", args=[fund.pk]),
        reverse("funds:receive", args=[fund.pk]),
        reverse("funds:budget"),
        reverse("funds:allocation", args=[allocation.pk]),
        reverse("funds:divide", args=[allocation.pk]),
        reverse("funds:interfund", args=[fund.pk]),
    ):
        assert words in client.get(url).text, url


# ---------------------------------------------------------------- many rows


def test_no_page_asks_more_however_many_allocations(world: World, django_assert_max_num_queries: Any) -> None:
    fund, county, town, relief = a_tree(world)
    client = log_in(world.fund_manager)
    pages = [
        reverse("funds:budget"),
        reverse("funds:allocation", args=[county.pk]),
        reverse("funds:figure", args=[fund.pk, "budget"]) + f"?allocation={county.pk}&parts=1",
    ]

    def counts() -> list[int]:
        found = []
        for url in pages:
            client.get(url)
            with django_assert_max_num_queries(22) as asked:
                assert client.get(url).status_code == 200
            found.append(len(asked))
        return found

    few = counts()
    for n in range(30):
        budget.divide(town, 100, programme=f"p{n}", unit=world.village, key=f"many:{n}")
    many = counts()

    assert many == few
    assert relief.pk in {line.row.pk for line in client.get(pages[0]).context["lines"]}
    with clock.frozen_at(datetime.date(2027, 1, 4)):
        assert client.get(pages[0]).context["year"] == 2026
