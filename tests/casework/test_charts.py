"""The geometry of the pictures: true to the fen, nothing on top of anything else, no word outside, no word as markup."""

import re
from itertools import combinations, pairwise
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.charts import Unbalanced, ageing, burndown, sankey
from casework.charts.words import ELLIPSIS, shortened, width_of
from funds.budget import planned

NAMES = st.text("乡镇帮扶专项资金村AMWil9·（）", min_size=1, max_size=24)
FEN = st.integers(1, 10**12)


@st.composite
def money(draw: Any) -> tuple[list[sankey.Node], list[sankey.Flow]]:
    """Funds, programmes and places, with every fen of each programme gone somewhere."""
    funds, programmes, places = draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(1, 14))
    flows: dict[tuple[Any, Any], int] = {}
    for programme in range(programmes):
        came = draw(st.dictionaries(st.integers(0, funds - 1), FEN, min_size=1, max_size=funds))
        flows |= {(f"f{fund}", f"p{programme}"): fen for fund, fen in came.items()}
        rest, last = sum(came.values()), draw(st.integers(0, places - 1))
        for place in draw(st.sets(st.integers(0, places - 1), max_size=4)) - {last}:
            part = draw(st.integers(0, rest - 1))
            if part:
                flows[f"p{programme}", f"v{place}"] = part
                rest -= part
        flows[f"p{programme}", f"v{last}"] = rest
    sums: dict[str, int] = {}
    for (source, target), fen in flows.items():
        if source[0] == "f":
            sums[source] = sums.get(source, 0) + fen
        sums[target] = sums.get(target, 0) + fen
    column = {"f": 0, "p": 1, "v": 2}
    nodes = [
        sankey.Node(
            key, column[key[0]], draw(NAMES), f"{fen % 10**8:,} 元", fen, "#", "t", last=draw(st.integers(0, 2))
        )
        for key, fen in sums.items()
    ]
    return nodes, [sankey.Flow(source, target, fen, "#", "t") for (source, target), fen in flows.items()]


WIDTHS = st.sampled_from([sankey.WIDE, sankey.NARROW])


@settings(max_examples=60, deadline=None)
@given(money(), WIDTHS)
def test_heights_are_in_proportion_and_nothing_overlaps(given: Any, width: int) -> None:
    drawing = sankey.lay_out(*given, width=width)
    per_fen = 300 / drawing.total_fen

    for box in drawing.boxes:
        for _x, _y, _width, height in box.bars:
            assert height >= max(2, box.node.fen * per_fen) - 0.01
            assert height <= box.node.fen * per_fen + 2 + len(given[1]), "only hairs may add to it"
    for column in range(3):
        bars = sorted(box.bars[0][1:4:2] for box in drawing.boxes if box.node.column == column)
        assert all(upper + height < lower for (upper, height), (lower, _next) in pairwise(bars))
    plates = sorted(box.plate[1:4:2] for box in drawing.boxes if box.plate)
    assert all(upper + height <= lower for (upper, height), (lower, _next) in pairwise(plates))


@settings(max_examples=60, deadline=None)
@given(money(), WIDTHS)
def test_ribbons_lie_side_by_side_within_their_bars(given: Any, width: int) -> None:
    drawing = sankey.lay_out(*given, width=width)
    bar_of = {box.node.key: (box.bars[0][1], box.bars[0][3]) for box in drawing.boxes}
    ends: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for ribbon in drawing.ribbons:
        x0y0, x1y1 = re.match(r"M([\d.]+ [\d.]+)C.* ([\d.]+ [\d.]+)V", ribbon.d).groups()
        for side, key, point in (("out", ribbon.flow.source, x0y0), ("in", ribbon.flow.target, x1y1)):
            ends.setdefault((side, key), []).append((float(point.split()[1]), ribbon.thickness))

    for (_side, key), places in ends.items():
        top, height = bar_of[key]
        places.sort()
        assert places[0][0] >= top - 0.02
        assert places[-1][0] + places[-1][1] <= top + height + 0.02
        assert all(y + thick <= following + 0.02 for (y, thick), (following, _thick) in pairwise(places))


@settings(max_examples=60, deadline=None)
@given(money(), WIDTHS)
def test_no_word_stands_outside_the_picture(given: Any, width: int) -> None:
    drawing = sankey.lay_out(*given, width=width)

    for box in drawing.boxes:
        words = box.words
        amount_size = sankey.SMALL if width == sankey.NARROW else sankey.FONT
        name = max(
            width_of(words.name, sankey.FONT), 0 if words.amount_x is None else width_of(words.amount, amount_size)
        )
        long = name + 8 + width_of(words.amount, sankey.FONT) if words.amount_x is None else name
        start = words.x - {"start": 0, "middle": long / 2, "end": long}[words.anchor]
        assert start >= 0 and start + long <= drawing.width + 0.1, words
        assert words.y >= 10 and words.amount_y <= drawing.height
        if width == sankey.NARROW and not box.plate:
            name_end = width_of(words.name, sankey.FONT)
            inner = [other.bars for other in drawing.boxes if other.plate][0]
            assert (
                name_end <= inner[0][0] - sankey._EDGE
                if box.node.column == 0
                else drawing.width - 4 - name_end >= inner[1][0] + 12
            )
        if box.plate:
            assert box.plate[0] <= start and start + long <= box.plate[0] + box.plate[2]


@settings(max_examples=40, deadline=None)
@given(money())
def test_both_sides_are_the_same_sum_to_the_fen(given: Any) -> None:
    drawing = sankey.lay_out(*given)

    sides = [sum(box.node.fen for box in drawing.boxes if box.node.column == column) for column in range(3)]
    assert sides == [drawing.total_fen] * 3
    assert sum(ribbon.flow.fen for ribbon in drawing.ribbons) == 2 * drawing.total_fen
    assert sorted(drawing.painted, key=id) == sorted(drawing.ribbons, key=id)


@settings(max_examples=40, deadline=None)
@given(money(), st.data())
def test_money_that_does_not_add_up_is_not_drawn(given: Any, data: Any) -> None:
    nodes, flows = given
    at = data.draw(st.integers(0, len(flows) - 1))
    wrong = data.draw(st.sampled_from([flows[at].fen + 1, flows[at].fen - 1, 0, -flows[at].fen]))
    flows[at] = sankey.Flow(flows[at].source, flows[at].target, wrong, "#", "t")

    with pytest.raises(Unbalanced):
        sankey.lay_out(nodes, flows)


def test_a_flow_leads_to_the_next_column() -> None:
    nodes = [sankey.Node(key, column, key, "1", 1, "#", "") for column, key in enumerate("abc")]

    with pytest.raises(Unbalanced, match="next column"):
        sankey.lay_out(nodes, [sankey.Flow("a", "c", 1, "#", "")])
    with pytest.raises(Unbalanced, match="begins or ends nowhere"):
        sankey.lay_out(nodes, [sankey.Flow("a", "x", 1, "#", "")])
    with pytest.raises(Unbalanced, match="one key"):
        sankey.lay_out([nodes[0], nodes[0]], [])
    assert sankey.lay_out([], []) is None


def test_the_order_undoes_crossings() -> None:
    """The larger fund comes first by size; its money goes to the lower places unless somebody looks."""
    sums = {"f1": 300, "f2": 200, "p1": 200, "p2": 300, "v1": 200, "v2": 300}
    nodes = [sankey.Node(key, "fpv".index(key[0]), key, "", fen, "#", "") for key, fen in sums.items()]
    flows = [("f1", "p2", 300), ("f2", "p1", 200), ("p1", "v1", 200), ("p2", "v2", 300)]

    drawing = sankey.lay_out(nodes, [sankey.Flow(*flow, "#", "") for flow in flows])

    order = {box.node.key: box.bars[0][1] for box in drawing.boxes}
    for (a, b, _fen), (c, d, _too) in combinations(flows, 2):
        if a[0] == c[0]:
            assert (order[a] < order[c]) == (order[b] < order[d])


def test_the_smallest_are_merged_but_never_one_alone() -> None:
    sums = {"a": 5, "b": 9, "c": 1, "d": 1}

    assert sankey.largest(sums, 4) == (["b", "a", "c", "d"], [])
    assert sankey.largest(sums, 3) == (["b", "a"], ["c", "d"])


# ---------------------------------------------------------------- words


@given(NAMES, st.floats(15, 300))
def test_a_shortened_word_fits(text: str, room: float) -> None:
    found = shortened(text, room, 14)

    assert width_of(found, 14) <= room
    assert found == text or (found.endswith(ELLIPSIS) and text.startswith(found[:-1].rstrip()))


# ---------------------------------------------------------------- burn-down


@st.composite
def a_year(draw: Any) -> tuple[list[burndown.Month], int]:
    budget = draw(st.integers(0, 10**11))
    used = sorted(draw(st.lists(st.integers(0, max(budget, 1)), min_size=12, max_size=12)))
    paid = [draw(st.integers(0, fen)) for fen in used]
    plan = planned(None, budget)
    months = [
        burndown.Month(f"{n + 1}月", plan[n], used[n], paid[n], "#u", "u", "#p", "p", draw(st.booleans()))
        for n in range(12)
    ]
    return months, budget


@settings(max_examples=60, deadline=None)
@given(a_year(), st.sampled_from([burndown.WIDE, burndown.NARROW]), st.floats(0.01, 12))
def test_the_stairs_are_true_and_inside_the_picture(year: Any, width: int, today: float) -> None:
    months, budget = year
    drawing = burndown.lay_out(
        months, budget_fen=budget, words=lambda fen: f"{fen // 100:,}", budget_words="", today=today, today_words="今天 4月15日", width=width
    )  # fmt: skip

    zero, step = drawing.amounts[0].at, drawing.amounts[1].at
    assert drawing.floor == zero > step
    assert 0 < drawing.amounts[-1].at <= drawing.budget_y + 0.1 <= zero + 0.1
    for column in drawing.columns:
        assert drawing.left - 0.1 <= column.x and column.x + column.width <= drawing.right + 0.1
        assert drawing.amounts[-1].at - 3.1 <= column.y and column.y + column.height <= zero + 0.1
    top = max(budget, *(month.used_fen for month in months), 1)
    per_fen = (zero - drawing.budget_y) / budget if budget > top / 100 else None
    drawn = [
        (look, fen)
        for month in months
        if month.has_begun
        for look, fen in (("paid", month.paid_fen), ("held", month.used_fen - month.paid_fen))
        if fen
    ]
    assert [column.look for column in drawing.columns] == [look for look, _fen in drawn], "every sum has its mark"
    if per_fen:
        for column, (_look, fen) in zip(drawing.columns, drawn, strict=True):
            assert column.height == pytest.approx(max(fen * per_fen, 3), rel=0.02, abs=0.1)
    half = width_of("今天 4月15日", burndown.FONT) / 2
    start = drawing.today_x - {"start": 0, "middle": half, "end": 2 * half}[drawing.today_anchor]
    assert start >= 0 and start + 2 * half <= width + 0.1


@given(st.integers(0, 10**12))
def test_an_even_plan_ends_at_the_budget(budget_fen: int) -> None:
    plan = planned(None, budget_fen)

    assert len(plan) == 12 and plan[-1] == budget_fen
    assert plan == sorted(plan)


def test_more_paid_than_promised_is_not_drawn() -> None:
    with pytest.raises(Unbalanced):
        burndown.lay_out([burndown.Month("1月", 0, 1, 2)], budget_fen=5, words=str, budget_words="")


# ---------------------------------------------------------------- ageing


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 10**10), min_size=3, max_size=3), min_size=4, max_size=4))
def test_the_bars_of_age_are_on_one_scale_and_stay_inside(sums: list[list[int]]) -> None:
    rows = ageing.lay_out(
        ageing.Band(str(n), tuple(ageing.Part(fen, 1, "#", "", "") for fen in band)) for n, band in enumerate(sums)
    )

    longest = max(map(sum, sums))
    for row, band in zip(rows, sums, strict=True):
        assert [segment.part.fen for segment in row.segments] == [fen for fen in band if fen]
        for left, right in pairwise(row.segments):
            assert left.x + left.width <= right.x
        for segment in row.segments:
            assert segment.width >= 1.4
            assert segment.width <= max(100 * segment.part.fen / longest, 1.5) + 0.01
        if row.segments:
            assert row.segments[-1].x + row.segments[-1].width <= 100.01


# ---------------------------------------------------------------- markup


EVIL = '"><script>alert(1)</script>&'


def test_names_are_never_markup() -> None:
    nodes = [sankey.Node(key, column, EVIL, EVIL, 1, f"?q={EVIL}", EVIL) for column, key in enumerate("abc")]
    flows = [sankey.Flow(source, target, 1, f"?q={EVIL}", EVIL) for source, target in ("ab", "bc")]
    month = burndown.Month(EVIL, 1, 1, 1, EVIL, EVIL, EVIL, EVIL)
    stairs = burndown.lay_out(
        [month], budget_fen=1, words=lambda _fen: EVIL, budget_words=EVIL, today=0.5, today_words=EVIL
    )
    rows = ageing.lay_out([ageing.Band(EVIL, (ageing.Part(1, 1, EVIL, EVIL, EVIL),))])
    drawn = sankey.lay_out(nodes, flows)

    pages = [
        render_to_string("parts/_chart_sankey.html", {"sankey": {"key": "k", "title": EVIL, "desc": EVIL, "wide": drawn, "narrow": drawn}}),
        render_to_string("parts/_chart_burndown.html", {"burndown": {"key": "k", "title": EVIL, "desc": EVIL, "wide": stairs, "narrow": stairs, "rows": []}}),
        render_to_string("parts/_chart_ageing.html", {"ageing": {"key": "k", "title": EVIL, "rows": rows, "kinds": [{"label": EVIL, "look": ""}]}}),
    ]  # fmt: skip

    for page in pages:
        assert "<script" not in page and "&lt;script&gt;" in page
        assert "style=" not in page
        assert page.count("<a ") == page.count("<title>") + page.count("</a></td>")
