"""Pictures of the county's money: where it comes from and where it goes, how fast it is used, what stays unanswered.

Every mark leads to its rows (entries.py, or the list of payments), and those add up to the mark.
"""

import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncMonth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import dateformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from access.models import OrgUnit
from audit import clock
from casework.charts import ageing as ages
from casework.charts import burndown, sankey
from casework.days import day_short, speaks_chinese
from casework.desks.funds import unanswered
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.entries import (
    NOT_ALLOCATED,
    Chosen,
    accounts,
    giving_funds,
    transfers,
)
from casework.desks.funds.forms import programme_choices
from casework.desks.funds.reach import allocations_in_reach, demand_money, payments_in_reach
from casework.http import row_number
from casework.reach import visible
from funds.models import Account, Fund
from funds.money import FEN_PER_WAN, wan, yuan

K = Account.Kind
MOST_FUNDS, MOST_PROGRAMMES, MOST_PLACES = 6, 10, 12
OTHERS = 0  # the key of what is merged into one node
HELD, FREE, LOOSE = "held", "free", "loose"


def in_short(amount_fen: int) -> str:
    """An amount beside a mark: ten thousands where Chinese readers count in them, whole yuan otherwise."""
    if speaks_chinese() and amount_fen >= FEN_PER_WAN:
        return _("%(wan)s 万元") % {"wan": wan(amount_fen)}
    return _("%(yuan)s 元") % {"yuan": yuan(amount_fen)}


def _year(request: HttpRequest) -> int:
    year = row_number(request.GET.get("year"))
    return year if year and 1990 <= year <= 2200 else clock.today().year


def _chosen_fund(user: Any, text: str | None) -> Fund | None:
    """The fund that a request names, kept here or giving money here. Raises Http404 out of reach."""
    number = row_number(text)
    return visible(giving_funds(user), pk=number) if number else None


def _choices(user: Any, year: int) -> dict[str, Any]:
    """What the filters of these pages offer. Two queries."""
    known = allocations_in_reach(user).order_by().values_list("year", flat=True).distinct()
    years = sorted({*known, year, clock.today().year}, reverse=True)
    return {"years": years, "funds": list(giving_funds(user).only("id", "name").order_by("code"))}


# ---------------------------------------------------------------- from where to where


@login_required
@require_safe
def flow(request: HttpRequest) -> HttpResponse:
    """A year's money, of all funds or one: source, programme, place; what is promised and what is free beside them."""
    user = request.user
    demand_money(user)
    year, fund = _year(request), _chosen_fund(user, request.GET.get("fund"))
    level = "township" if request.GET.get("by") == "township" else "village"
    chosen = Chosen(year=year, fund=fund.pk if fund else None)
    picture = _flow_picture(user, chosen, level)
    title = _("%(year)d 年：钱从哪里来，到哪里去") % {"year": year}
    return render(
        request,
        "funds/flow.html",
        {
            "asked": {"year": year, "fund": fund.pk if fund else "", "by": level},
            "fund": fund,
            "page_title": title,
            **_choices(user, year),
            "sankey": picture and {"key": "flow", "title": title, **picture},
        },
    )


def _flow_picture(user: Any, chosen: Chosen, level: str) -> dict[str, Any] | None:
    """Three queries: balances by fund, programme and kind; what was paid by programme and place; names of the places."""
    stands = list(
        accounts(user, chosen)
        .order_by()
        .values("fund_id", "fund__name", "allocation__programme", "kind")
        .annotate(fen=Sum(F("credit_fen") - F("debit_fen")))
    )
    place = "reservation__village_id" if level == "village" else "reservation__village__township_id"
    paid = list(
        transfers(user, chosen.but(figure="paid"))
        .order_by()
        .values("reservation__allocation__programme", place)
        .annotate(fen=Sum("moved_fen"))
    )
    return _draw_flow(
        chosen,
        level,
        [
            (row["fund_id"], row["fund__name"], row["allocation__programme"] or NOT_ALLOCATED, row["kind"], row["fen"])
            for row in stands
        ],
        [(row["reservation__allocation__programme"], row[place], row["fen"]) for row in paid],
    )


def _draw_flow(
    chosen: Chosen,
    level: str,
    stands: list[tuple[int, str, str, str, int]],
    paid: list[tuple[str, int, int]],
) -> dict[str, Any] | None:
    """`stands`: (fund, its name, programme, kind of account, fen); `paid`: (programme, place, fen)."""
    sums: dict[str, dict[Any, int]] = {"fund": {}, "programme": {}, "place": {}}
    for fund, _name, programme, _kind, fen in stands:
        _add(sums["fund"], fund, fen)
        if programme != NOT_ALLOCATED:
            _add(sums["programme"], programme, fen)
    for _programme, place, fen in paid:
        _add(sums["place"], place, fen)
    names = {("fund", fund): name for fund, name, *_rest in stands}
    units = OrgUnit.objects.filter(pk__in=sums["place"]).values_list("pk", "name")
    names |= {("place", unit): name for unit, name in units}
    own = {
        "fund": sankey.largest(sums["fund"], MOST_FUNDS),
        "programme": sankey.largest(sums["programme"], MOST_PROGRAMMES),
        "place": sankey.largest(sums["place"], MOST_PLACES),
    }
    return _Flow(chosen, level, names, own).picture(stands, paid)


def _add(sums: dict[Any, int], key: Any, fen: int) -> None:
    if fen:
        sums[key] = sums.get(key, 0) + fen


class _Flow:
    """Nodes and flows with their words and their links."""

    def __init__(
        self, chosen: Chosen, level: str, names: dict[Any, str], own: dict[str, tuple[list[Any], list[Any]]]
    ) -> None:
        self.chosen, self.level, self.names, self.own = chosen, level, names, own
        self.nodes: dict[Any, int] = {}
        self.flows: dict[tuple[Any, Any], int] = {}

    def picture(
        self, stands: list[tuple[int, str, str, str, int]], paid: list[tuple[str, int, int]]
    ) -> dict[str, Any] | None:
        for fund, _name, programme, kind, fen in stands:
            source, purpose = self._node("fund", fund), self._purpose(programme)
            self._flow(source, purpose, fen)
            if kind != K.PAID:
                goal = FREE if kind in (K.AVAILABLE, K.ALLOCATED) else HELD
                self._flow(purpose, ("goal", goal), fen)
        for programme, place, fen in paid:
            self._flow(self._purpose(programme), self._node("place", place), fen)
        nodes = [self._drawn(key, fen) for key, fen in self._sums().items()]
        known = {node.key: node for node in nodes}
        flows = [
            sankey.Flow(
                source, target, fen, self._flow_url(source, target), self._flow_title(known, source, target, fen)
            )
            for (source, target), fen in self.flows.items()
            if fen
        ]
        wide = sankey.lay_out(nodes, flows)
        if wide is None:
            return None
        return {
            "wide": wide,
            "narrow": sankey.lay_out(nodes, flows, width=sankey.NARROW),
            "desc": self._desc(known, wide.total_fen),
        }

    def _node(self, kind: str, key: Any) -> tuple[str, Any]:
        return (kind, key if key in self.own[kind][0] else OTHERS)

    def _purpose(self, programme: str) -> tuple[str, Any]:
        return ("programme", NOT_ALLOCATED) if programme == NOT_ALLOCATED else self._node("programme", programme)

    def _flow(self, source: Any, target: Any, fen: int) -> None:
        self.flows[source, target] = self.flows.get((source, target), 0) + fen

    def _sums(self) -> dict[Any, int]:
        """{node: its fen}, as its flows say; the picture asks again whether both sides agree."""
        sums: dict[Any, int] = {}
        for (source, target), fen in self.flows.items():
            if source[0] == "fund":
                _add(sums, source, fen)
            _add(sums, target, fen)
        return sums

    # ------------------------------------------------------------ words

    def _drawn(self, key: Any, fen: int) -> sankey.Node:
        kind, value = key
        label = self._label(kind, value)
        look, last = "", 0
        if kind == "fund":
            number = self.own["fund"][0].index(value) if value in self.own["fund"][0] else MOST_FUNDS
            look = f"s{min(number, 4) + 1}"
        elif value in (HELD, FREE):
            look, last = value, {HELD: 2, FREE: 3}[value]
        elif value == NOT_ALLOCATED:
            look, last = LOOSE, 2
        if value == OTHERS:
            last = 1
        return sankey.Node(
            key,
            {"fund": 0, "programme": 1}.get(kind, 2),
            label,
            in_short(fen),
            fen,
            self._narrowed(self.chosen, key).url,
            _("%(what)s：%(fen)s 元。看这几笔") % {"what": label, "fen": yuan(fen)},
            look,
            last,
        )

    def _label(self, kind: str, value: Any) -> str:
        if value == OTHERS:
            n = len(self.own[kind][1])
            return {
                "fund": ngettext("其他 %(n)d 项资金", "其他 %(n)d 项资金", n),
                "programme": ngettext("其他 %(n)d 项帮扶", "其他 %(n)d 项帮扶", n),
                "place": ngettext("其他 %(n)d 个村", "其他 %(n)d 个村", n)
                if self.level == "village"
                else ngettext("其他 %(n)d 个乡镇", "其他 %(n)d 个乡镇", n),
            }[kind] % {"n": n}
        if kind == "programme":
            if value == NOT_ALLOCATED:
                return _("还没有分配")
            return str(programme_title(value))
        if kind == "goal":
            return {HELD: _("已承诺，未付"), FREE: _("可用")}[value]
        return self.names[kind, value]

    def _flow_title(self, known: dict[Any, sankey.Node], source: Any, target: Any, fen: int) -> str:
        return _("%(from)s → %(to)s：%(fen)s 元。看这几笔") % {
            "from": known[source].label,
            "to": known[target].label,
            "fen": yuan(fen),
        }

    def _desc(self, known: dict[Any, sankey.Node], total_fen: int) -> str:
        def of(goal: str) -> int:
            return known["goal", goal].fen if ("goal", goal) in known else 0

        return _("共 %(total)s 元：已拨付 %(paid)s 元，已承诺未付 %(held)s 元，可用 %(free)s 元。") % {
            "total": yuan(total_fen),
            "paid": yuan(total_fen - of(HELD) - of(FREE)),
            "held": yuan(of(HELD)),
            "free": yuan(of(FREE)),
        }

    # ------------------------------------------------------------ links

    def _flow_url(self, source: Any, target: Any) -> str:
        return self._narrowed(self._narrowed(self.chosen, source), target).url

    def _narrowed(self, chosen: Chosen, key: Any) -> Chosen:
        """The choice, narrowed to a node: its rows are those of both ends of a ribbon."""
        kind, value = key
        if kind == "goal":
            return chosen.but(figure={HELD: "committed", FREE: "available"}[value])
        name = self.level if kind == "place" else kind
        if kind == "place":
            chosen = chosen.but(figure="paid")
        if value != OTHERS:
            return chosen.but(**{name: value})
        return chosen.but(**{f"not_{name}": tuple(self.own[kind][0])})


# ---------------------------------------------------------------- how fast


@login_required
@require_safe
def pace(request: HttpRequest) -> HttpResponse:
    """Budget against plan: of an allocation, of a fund, of a programme, or of all money within reach, in one year."""
    user = request.user
    demand_money(user)
    year, fund = _year(request), _chosen_fund(user, request.GET.get("fund"))
    asked = request.GET.get("programme", "")
    programme = asked if asked in dict(programme_choices()) else ""
    allocation = None
    if number := row_number(request.GET.get("allocation")):
        allocation = visible(allocations_in_reach(user).select_related("fund", "unit"), pk=number)
        year, fund, programme = allocation.year, allocation.fund, allocation.programme
    chosen = Chosen(
        year=year,
        fund=fund.pk if fund else None,
        programme=programme,
        allocation=allocation.pk if allocation else None,
    )
    about = [fund.name] if fund else []
    about += [str(programme_title(programme))] if programme else []
    about += [allocation.unit.name] if allocation else []
    return render(
        request,
        "funds/pace.html",
        {
            "asked": {"year": year, "fund": fund.pk if fund else "", "programme": programme},
            "about": about,
            "allocation": allocation,
            "programmes": programme_choices(),
            **_choices(user, year),
            "burndown": pace_picture(user, chosen, year),
        },
    )


def pace_picture(user: Any, chosen: Chosen, year: int, plan_fen: list[int] | None = None) -> dict[str, Any] | None:
    """Month by month, what was promised and paid out of the allocations of a year; None where nothing is allocated.

    `plan_fen` is cumulated for the end of each of the twelve months; without it the budget is spread evenly. What was
    booked before or after the year counts in its first or last month. Three queries.
    """
    budget_fen = accounts(user, chosen.but(figure="budget")).aggregate(fen=Sum(F("credit_fen") - F("debit_fen")))["fen"]
    if budget_fen is None:
        return None
    plan = plan_fen or burndown.straight_line(budget_fen)
    months = _months(user, chosen, year)
    today = clock.today()
    now = _gone_by(today, year)
    rows, drawn, used_by_then, paid_by_then = [], [], 0, 0
    for number, (used_fen, paid_fen) in enumerate(months):
        used_by_then, paid_by_then = used_by_then + used_fen, paid_by_then + paid_fen
        label = _month_name(year, number + 1)
        link = chosen.but(**_span(year, number + 1))
        row = {
            "month": label,
            "plan_fen": plan[number],
            "used_fen": used_fen,
            "used_by_then_fen": used_by_then,
            "paid_fen": paid_fen,
            "paid_by_then_fen": paid_by_then,
            "used_url": link.but(figure="used").url,
            "paid_url": link.but(figure="paid").url,
            "has_begun": number < now or bool(used_fen or paid_fen),
        }
        rows.append(row)
        drawn.append(_month(row))
    return {
        "key": "pace",
        "title": _("%(year)d 年预算、计划和执行") % {"year": year},
        "desc": _("预算 %(budget)s 元，已承诺和已拨付 %(used)s 元，其中已拨付 %(paid)s 元。")
        % {"budget": yuan(budget_fen), "used": yuan(used_by_then), "paid": yuan(paid_by_then)},
        "rows": rows,
        "budget_fen": budget_fen,
        "used_fen": used_by_then,
        "paid_fen": paid_by_then,
        "plan_now_fen": _planned_by(plan, now),
        **{f"{figure}_url": chosen.but(figure=figure).url for figure in ("budget", "used", "paid")},
        **{
            name: burndown.lay_out(
                drawn,
                budget_fen=budget_fen,
                words=_axis,
                budget_words=_("预算 %(fen)s") % {"fen": in_short(budget_fen)},
                today=now if 0 < now < 12 else None,
                today_words=_("今天 %(day)s") % {"day": day_short(today)},
                width=width,
            )
            for name, width in (("wide", burndown.WIDE), ("narrow", burndown.NARROW))
        },
    }


def _months(user: Any, chosen: Chosen, year: int) -> list[tuple[int, int]]:
    """(newly bound, paid) of each month, in fen. Three queries."""
    found = [[0, 0] for _month in range(12)]
    for at, figure in enumerate(("used", "paid")):
        rows = (
            transfers(user, chosen.but(figure=figure))
            .order_by()
            .annotate(month=TruncMonth("business_date"))
            .values_list("month")
            .annotate(fen=Sum("moved_fen"))
        )
        for month, fen in rows:
            number = min(max((month.year - year) * 12 + month.month, 1), 12)
            found[number - 1][at] += fen
    return [(used, paid) for used, paid in found]


def _span(year: int, month: int) -> dict[str, datetime.date]:
    """The days whose rows a month's mark stands for: the first and last month are open towards the other years."""
    span = {}
    if month > 1:
        span["first"] = datetime.date(year, month, 1)
    if month < 12:
        span["last"] = datetime.date(year, month + 1, 1) - datetime.timedelta(days=1)
    return span


def _gone_by(today: datetime.date, year: int) -> float:
    """How many months of the year have gone by, 3.5 in mid-April; 0 before it and 12 after it."""
    if today.year != year:
        return 0.0 if today.year < year else 12.0
    following = datetime.date(year + today.month // 12, today.month % 12 + 1, 1)
    whole = (following - today.replace(day=1)).days
    return today.month - 1 + today.day / whole


def _planned_by(plan: list[int], now: float) -> int:
    """What the plan says for today, between the ends of two months."""
    month, part = divmod(now, 1)
    before = plan[int(month) - 1] if month else 0
    return before if month >= 12 else before + round((plan[int(month)] - before) * part)


def _month_name(year: int, month: int) -> str:
    first = datetime.date(year, month, 1)
    return dateformat.format(first, "n月" if speaks_chinese() else "M")


def _axis(amount_fen: int) -> str:
    return in_short(amount_fen) if amount_fen else "0"


def _month(row: dict[str, Any]) -> burndown.Month:
    words = {name: yuan(row[name]) for name in ("used_fen", "used_by_then_fen", "paid_fen", "paid_by_then_fen")}
    words["month"] = row["month"]
    paid_fen = max(row["paid_by_then_fen"], 0)  # a clock set back (demo) may put a payment before its promise
    return burndown.Month(
        row["month"],
        row["plan_fen"],
        max(row["used_by_then_fen"], paid_fen),
        paid_fen,
        row["used_url"],
        _("%(month)s：新承诺 %(used_fen)s 元，到月底共承诺和拨付 %(used_by_then_fen)s 元。看当月这几笔") % words,
        row["paid_url"],
        _("%(month)s：拨付 %(paid_fen)s 元，到月底共拨付 %(paid_by_then_fen)s 元。看当月这几笔") % words,
        row["has_begun"],
    )


# ---------------------------------------------------------------- how long without an answer


@login_required
@require_safe
def ageing(request: HttpRequest) -> HttpResponse:
    """Payments that the bank has not answered, or returned and nobody sent again, by working days since they went."""
    user = request.user
    demand_money(user)
    bands = unanswered.bands(clock.today())
    rows = payments_in_reach(user).filter(unanswered.OPEN)
    sums = {
        (row["band"], row["way"]): (row["n"], row["fen"])
        for row in rows.order_by()
        .annotate(band=unanswered.band_of(bands), way=unanswered.WAY)
        .values("band", "way")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    }
    drawn = [
        ages.Band(
            band.title,
            tuple(_part(band, way, label, *sums.get((number, way), (0, 0))) for way, label in unanswered.WAYS.items()),
        )
        for number, band in enumerate(bands)
    ]
    return render(
        request,
        "funds/ageing.html",
        {
            "count": sum(band.count for band in drawn),
            "total_fen": sum(band.fen for band in drawn),
            "in_calendar_days": not bands[0].in_working_days,
            "ageing": {
                "key": "ageing",
                "title": _("还没有对上的付款，等了多久"),
                "rows": ages.lay_out(drawn),
                "kinds": [{"label": label, "look": way} for way, label in unanswered.WAYS.items()],
            },
        },
    )


def _part(band: unanswered.Band, way: str, label: Any, count: int, fen: int) -> ages.Part:
    title = ngettext("%(band)s，%(label)s：%(n)d 笔，%(fen)s 元", "%(band)s，%(label)s：%(n)d 笔，%(fen)s 元", count)
    url = f"{reverse('funds:payments')}?{band.query(way)}"
    return ages.Part(
        fen, count, url, title % {"band": band.title, "label": label, "n": count, "fen": yuan(fen)}, str(label), way
    )
