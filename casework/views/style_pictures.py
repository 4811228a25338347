"""Pictures of money for the style guide, with figures that could be a county's. Every link stays on the page."""

import datetime
from typing import Any

from django.utils import dateformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from casework.charts import ageing, burndown, sankey
from casework.days import day_short, speaks_chinese
from funds.budget import planned
from funds.money import wan, yuan

HERE = "#pictures"
HELD, FREE, LOOSE = "held", "free", "loose"


def _short(amount_fen: int) -> str:
    if not amount_fen:
        return "0"
    if speaks_chinese():
        return _("%(wan)s 万元") % {"wan": wan(amount_fen)}
    return _("%(yuan)s 元") % {"yuan": yuan(amount_fen)}


def pictures(today: datetime.date) -> dict[str, Any]:
    return {"sankey": _flow(), "burndown": _pace(today), "ageing": _ages()}


def _flow() -> dict[str, Any]:
    sources = {
        "town": _("乡帮扶专项资金"),
        "county": _("县临时救助资金"),
        "gifts": _("社会捐赠"),
        "school": _("助学捐赠"),
    }
    purposes = {
        "hardship": _("困难补助"),
        "relief": _("临时救助"),
        "house": _("危房修缮"),
        "school aid": _("教育助学"),
        "spring": _("春节慰问"),
        LOOSE: _("还没有分配"),
    }
    places = {
        "a": _("云坞村"),
        "b": _("石笋坪村"),
        "c": _("磨盘岗村"),
        "d": _("青栗村"),
        "e": _("松坪村"),
        "others": ngettext("其他 %(n)d 个村", "其他 %(n)d 个村", 9) % {"n": 9},
        HELD: _("已承诺，未付"),
        FREE: _("可用"),
    }
    given = {  # yuan
        ("town", "hardship"): 520_000,
        ("town", "relief"): 160_000,
        ("town", "house"): 320_000,
        ("town", "spring"): 80_000,
        ("town", LOOSE): 120_000,
        ("county", "relief"): 380_000,
        ("county", "house"): 220_000,
        ("gifts", "hardship"): 180_000,
        ("gifts", "school aid"): 60_000,
        ("gifts", "spring"): 3_500,
        ("gifts", LOOSE): 76_500,
        ("school", "school aid"): 150_000,
    }
    used = {
        "hardship": (92_000, 61_000, 48_300, 22_000, 0, 35_000, 186_400),
        "relief": (41_400, 38_000, 0, 60_000, 52_000, 40_000, 148_900),
        "house": (64_800, 0, 71_000, 0, 29_000, 0, 236_000),
        "school aid": (12_000, 9_000, 18_000, 22_000, 0, 21_000, 40_000),
        "spring": (14_000, 9_000, 8_000, 12_000, 6_500, 20_000, 0),
        LOOSE: (0, 0, 0, 0, 0, 0, 0),
    }
    flows = dict(given)
    for purpose, parts in used.items():
        whole = sum(amount for (_source, target), amount in given.items() if target == purpose)
        flows |= {(purpose, place): amount for place, amount in zip(places, (*parts, whole - sum(parts)), strict=True)}
    flows = {ends: amount * 100 for ends, amount in flows.items() if amount}
    return {"key": "sample-flow", "title": _("钱从哪里来，到哪里去"), **_drawn(sources, purposes, places, flows)}


def _drawn(sources: Any, purposes: Any, places: Any, flows: dict[tuple[str, str], int]) -> dict[str, Any]:
    names = sources | purposes | places

    def node(column: int, at: int, key: str) -> sankey.Node:
        fen = sum(fen for (source, target), fen in flows.items() if key == (source if column == 0 else target))
        look = f"s{at + 1}" if column == 0 else key if key in (HELD, FREE, LOOSE) else ""
        last = {"others": 1, HELD: 2, FREE: 3, LOOSE: 3}.get(key, 0)
        return sankey.Node(key, column, names[key], _short(fen), fen, HERE, f"{names[key]} {yuan(fen)}", look, last)

    nodes = [
        node(column, at, key) for column, keys in enumerate((sources, purposes, places)) for at, key in enumerate(keys)
    ]
    ribbons = [
        sankey.Flow(source, target, fen, HERE, f"{names[source]} → {names[target]} {yuan(fen)}")
        for (source, target), fen in flows.items()
    ]
    return {
        "wide": sankey.lay_out(nodes, ribbons),
        "narrow": sankey.lay_out(nodes, ribbons, width=sankey.NARROW),
        "desc": _("每一块、每一条都能点开，看是哪几笔。"),
    }


def _pace(today: datetime.date) -> dict[str, Any]:
    budget_fen = 227_000_000
    plan = planned(None, budget_fen)
    used = (11_800_000, 34_600_000, 27_300_000, 12_480_000)
    paid = (4_200_000, 21_900_000, 30_250_000, 8_100_000)
    rows, months, used_by_then, paid_by_then = [], [], 0, 0
    for number in range(12):
        label = dateformat.format(datetime.date(2026, number + 1, 1), "n月" if speaks_chinese() else "M")
        has_begun = number < len(used)
        now = (used[number], paid[number]) if has_begun else (0, 0)
        used_by_then, paid_by_then = used_by_then + now[0], paid_by_then + now[1]
        row = {
            "month": label,
            "plan_fen": plan[number],
            "used_fen": now[0],
            "used_by_then_fen": used_by_then,
            "paid_fen": now[1],
            "paid_by_then_fen": paid_by_then,
            "used_url": HERE,
            "paid_url": HERE,
            "has_begun": has_begun,
        }
        rows.append(row)
        months.append(
            burndown.Month(
                label,
                plan[number],
                used_by_then,
                paid_by_then,
                HERE,
                f"{label} {_('承诺累计')} {yuan(used_by_then)}",
                HERE,
                f"{label} {_('拨付累计')} {yuan(paid_by_then)}",
                has_begun,
            )
        )
    return {
        "key": "sample-pace",
        "title": _("预算、计划和执行"),
        "desc": _("预算 %(fen)s") % {"fen": _short(budget_fen)},
        "rows": rows,
        **{
            name: burndown.lay_out(
                months,
                budget_fen=budget_fen,
                words=_short,
                budget_words=_("预算 %(fen)s") % {"fen": _short(budget_fen)},
                today=3.5,
                today_words=_("今天 %(day)s") % {"day": day_short(datetime.date(today.year, 4, 15))},
                width=width,
            )
            for name, width in (("wide", burndown.WIDE), ("narrow", burndown.NARROW))
        },
    }


def _ages() -> dict[str, Any]:
    kinds = {"sent": _("已交银行"), "unknown": _("银行没有答复"), "returned": _("退回，还没有重发")}
    bands = {
        _("3 个工作日以内"): ((64, 8_630_000), (0, 0), (6, 744_000)),
        _("4 到 7 个工作日"): ((12, 1_970_000), (1, 83_000), (5, 520_000)),
        _("8 到 30 个工作日"): ((0, 0), (2, 80_000), (3, 410_000)),
        _("超过 30 个工作日"): ((0, 0), (0, 0), (1, 30_000)),
    }
    drawn = [
        ageing.Band(
            title,
            tuple(
                ageing.Part(fen, count, HERE, f"{title} {label} {yuan(fen)}", label, look)
                for (look, label), (count, fen) in zip(kinds.items(), parts, strict=True)
            ),
        )
        for title, parts in bands.items()
    ]
    return {
        "key": "sample-ages",
        "title": _("还没有对上的付款，等了多久"),
        "rows": ageing.lay_out(drawn),
        "kinds": [{"label": label, "look": look} for look, label in kinds.items()],
    }
