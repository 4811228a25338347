"""Who gave, who was given, what is left: by item, store, village, donor and case; each figure leads to its moves."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from access.roles import Ability
from access.scope import can
from casework.desks.stock.reach import moves_in_reach
from casework.desks.stock.rows import MoveRow, cases_by_subject, move_rows
from casework.http import day_of, row_number
from casework.models import Case
from funds.models import StockMove

PAGE = 25
GIVEN = ("give", "undelivered")  # what households keep
LENT = ("lend", "returned", "lost")
COLUMNS = {
    "received": ("receive",),
    "moved": ("accept", "send"),
    "given": GIVEN,
    "lent": LENT,
    "counted": ("found", "missing"),
}
# {figure: (kinds of moves, 1 when it adds to the shelves and -1 when it takes away)}
FIGURES = {f"{name}_fen": (kinds, -1 if name in ("given", "lent") else 1) for name, kinds in COLUMNS.items()}
FEN = F("change") * F("lot__unit_value_fen")
# {by what: (fields that name a row, the filter that leads to its moves)}
GROUPS = {
    "item": (("lot__item__name", "lot__item__unit", "lot__item_id"), "item", "lot__item_id"),
    "store": (("lot__store__name", "lot__store_id"), "store", "lot__store_id"),
    "village": (("slip__village__name", "slip__village_id"), "village", "slip__village_id"),
    "donor": (("lot__source_name",), "donor", "lot__source_name"),
    "case": (("subject",), "subject", "subject"),
}


def _titles() -> dict[str, str]:
    return {
        "item": _("按物品"),
        "store": _("按仓库"),
        "village": _("按村"),
        "donor": _("按捐赠人"),
        "case": _("按个案"),
    }


def _columns() -> dict[str, str]:
    return {
        "received": _("入库"),
        "moved": _("调入减调出"),
        "given": _("发放"),
        "lent": _("借出减归还"),
        "counted": _("盘盈减盘亏"),
    }


def _fen(condition: Q, sign: int = 1) -> Any:
    return Sum(FEN * sign, filter=condition, output_field=BigIntegerField(), default=0)


@login_required
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Values in fen. Each row adds up: opening + received + moved - given - lent + counted = left.

    `given` is net of what came back undelivered, `lent` of what was returned; `left` is as it stands on the last day.
    """
    if not can(request.user, Ability.STOCK_VIEW):
        raise Http404
    by = request.GET.get("by", "item")
    if by not in GROUPS:
        raise Http404
    fields, name, key = GROUPS[by]
    first, last = day_of(request.GET.get("from", "")), day_of(request.GET.get("to", ""))
    moves = moves_in_reach(request.user)
    if last:
        moves = moves.filter(slip__made_on__lte=last)
    if by == "village":
        moves = moves.filter(slip__village__isnull=False)
    if by == "case":
        moves = moves.filter(subject__startswith="case:")
    inside = Q(slip__made_on__gte=first) if first else Q()
    figures = {name: _fen(inside & Q(kind__in=kinds), sign) for name, (kinds, sign) in FIGURES.items()} | {
        "left_fen": _fen(Q()),
        "out": Sum("lent_change", default=0),
        "slips": Count("slip", filter=inside & Q(kind__in=("give", "lend"), reverses__isnull=True), distinct=True),
    }
    if first:
        figures["opening_fen"] = _fen(Q(slip__made_on__lt=first))
    groups = moves.order_by().values(*fields).annotate(**figures)
    if by == "item":
        groups = groups.annotate(
            received=Sum("change", filter=inside & Q(kind="receive"), default=0),
            given=Sum(-F("change"), filter=inside & Q(kind__in=GIVEN), default=0),
            left=Sum("change", default=0),
        )
    page = Paginator(groups.order_by("-given_fen", key), PAGE).get_page(request.GET.get("page"))
    rows = _rows(list(page.object_list), by, request)
    return render(
        request,
        "stock/report.html",
        {
            "by": by,
            "page": page,
            "rows": rows,
            "whole": moves.aggregate(**figures),
            "keeps": by in ("item", "store", "donor"),
            "opens": bool(first),
            "chips": [
                {"label": words, "url": f"?{urlencode({'by': code})}", "on": code == by}
                for code, words in _titles().items()
            ],
            "asked": {"from": request.GET.get("from", ""), "to": request.GET.get("to", ""), "by": by},
        },
    )


def _rows(found: list[dict[str, Any]], by: str, request: HttpRequest) -> list[dict[str, Any]]:
    fields, name, key = GROUPS[by]
    cases = cases_by_subject((row["subject"] for row in found), request.user) if by == "case" else {}
    window = {side: request.GET[side] for side in ("from", "to") if request.GET.get(side)}
    until = {side: day for side, day in window.items() if side == "to"}
    rows = []
    for row in found:
        case = cases.get(row["subject"]) if by == "case" else None
        urls = [f"{reverse('stock:moves')}?{urlencode({name: row[key]} | days)}" for days in (window, until)]
        title = (case.head_name if case else _("不在你的范围")) if by == "case" else row[fields[0]]
        rows.append(
            row
            | {"title": title, "unit": row.get("lot__item__unit", ""), "case": case, "url": urls[0], "all_url": urls[1]}
        )
    return rows


def _asked(moves: QuerySet[StockMove], request: HttpRequest) -> tuple[QuerySet[StockMove], list[str]]:
    """The moves that were asked for, and what was asked, in words."""
    asked, words = request.GET, []
    for name, field in (("item", "lot__item_id"), ("store", "lot__store_id"), ("village", "slip__village_id")):
        if number := row_number(asked.get(name)):
            moves = moves.filter(**{field: number})
    if asked.get("donor"):
        moves = moves.filter(lot__source_name=asked["donor"])
        words.append(asked["donor"])
    if asked.get("subject"):
        moves = moves.filter(subject=asked["subject"])
    if case_no := asked.get("case", "").strip():
        moves = moves.filter(subject__in=[case.subject for case in Case.objects.filter(case_no=case_no)])
        words.append(case_no)
    if kinds := COLUMNS.get(asked.get("kind", "")):
        moves = moves.filter(kind__in=kinds)
        words.append(_columns()[asked["kind"]])
    if first := day_of(asked.get("from", "")):
        moves = moves.filter(slip__made_on__gte=first)
        words.append(_("%(day)s 起") % {"day": first})
    if last := day_of(asked.get("to", "")):
        moves = moves.filter(slip__made_on__lte=last)
        words.append(_("到 %(day)s") % {"day": last})
    return moves, words


def _named(row: MoveRow, request: HttpRequest) -> list[str]:
    """What the moves have in common, told from the first of them."""
    move, asked = row.move, request.GET
    names = [
        ("item", lambda: move.lot.item.name),
        ("store", lambda: move.slip.store.name),
        ("village", lambda: move.slip.village.name),
    ]
    words = [name() for field, name in names if row_number(asked.get(field))]
    return [*words, row.case.case_no] if asked.get("subject") and row.case else words


@login_required
@require_safe
def moves(request: HttpRequest) -> HttpResponse:
    """The moves that make up a figure, newest first; each with its slip, each with its case."""
    if not can(request.user, Ability.STOCK_VIEW):
        raise Http404
    found, words = _asked(moves_in_reach(request.user), request)
    sums = found.aggregate(fen=_fen(Q()), n=Count("id"), out=Sum("lent_change", default=0))
    page = Paginator(found.order_by("-id"), PAGE).get_page(request.GET.get("page"))
    rows = move_rows(page.object_list, request.user)
    if rows:
        words = _named(rows[0], request) + words
    return render(request, "stock/moves.html", {"page": page, "rows": rows, "sums": sums, "words": words})
