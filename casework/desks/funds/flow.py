"""The picture of where money comes from and where it goes: source, programme, place."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from access.models import OrgUnit
from casework.charts import sankey
from casework.desks.funds.earmarks import programme_title
from casework.desks.funds.entries import (
    NOT_ALLOCATED,
    NOT_GIVEN_ON,
    Chosen,
    accounts,
    transfers,
)
from casework.desks.funds.pictures import choices, chosen_fund, in_short, year_of
from casework.desks.funds.reach import demand_money
from funds.models import Account
from funds.money import yuan

K = Account.Kind
MOST_FUNDS, MOST_PROGRAMMES, MOST_PLACES = 6, 10, 12
OTHERS = 0  # the key of what is merged into one node
HELD, FREE, LOOSE = "held", "free", "loose"
NO_PROGRAMME = (NOT_ALLOCATED, NOT_GIVEN_ON)  # marks of their own beside those of the programmes


@login_required
@require_safe
def flow(request: HttpRequest) -> HttpResponse:
    """A year's money, of all funds or one: source, programme, place; what is promised and what is free beside them."""
    user = request.user
    demand_money(user)
    year, fund = year_of(request), chosen_fund(user, request.GET.get("fund"))
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
            **choices(user, year),
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
            (row["fund_id"], row["fund__name"], _purpose_of(row["allocation__programme"]), row["kind"], row["fen"])
            for row in stands
        ],
        [(row["reservation__allocation__programme"], row[place], row["fen"]) for row in paid],
    )


def _purpose_of(programme: str | None) -> str:
    """What an account is for; None stands for an account of the fund itself."""
    return NOT_ALLOCATED if programme is None else programme or NOT_GIVEN_ON


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
        if programme not in NO_PROGRAMME:
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
        return ("programme", programme) if programme in NO_PROGRAMME else self._node("programme", programme)

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
        elif value in NO_PROGRAMME:
            look, last = LOOSE, {NOT_GIVEN_ON: 2, NOT_ALLOCATED: 3}[value]
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
            return str(programme_title("" if value == NOT_GIVEN_ON else value))
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
