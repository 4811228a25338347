"""Statements on the screen, on paper and as files; every figure leads to its rows, and the rows to their cases."""

import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from access.roles import Ability
from audit import clock
from casework.desks.funds import figures, statement_files
from casework.desks.funds.reach import cases_in_reach, funds_in_reach
from casework.desks.funds.statement_scope import DIRECTION_WORDS, Asked, asked, choices
from casework.errors import ReasonNeeded
from casework.http import day_of, reload_soon
from casework.reach import units_in, visible
from casework.watermark import taken_by
from funds import periods
from funds.models import Account, Transfer
from funds.statements import DIRECTIONS, Line
from jobs import runner
from jobs.models import Job

PAGE = 50
SIGNS = {"in": "+", "out": "−"}


@login_required
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """Opening, movements, closing of what was chosen; without a choice what there is to choose."""
    groups = choices(request.user)
    if not groups:
        raise Http404
    if not request.GET.get("of"):
        return render(request, "funds/statement.html", {"groups": groups, "today": clock.today()})
    wanted = asked(request.user, request.GET)
    found = wanted.scope.between(wanted.first, wanted.last)
    return render(
        request,
        "funds/statement.html",
        {
            "groups": groups,
            "asked": wanted,
            "found": found,
            "lines": [(DIRECTION_WORDS[way], *_lines(wanted, found.lines, way)) for way in DIRECTIONS],
            "stages": [
                _stage(wanted, stage) for stage in found.stages if any((stage.opening_fen, stage.in_fen, stage.out_fen))
            ],
            "opening_url": wanted.rows_url(until=wanted.first - datetime.timedelta(days=1)),
            "closing_url": wanted.rows_url(until=wanted.last),
            "chips": _chips(wanted),
            "now": timezone.now(),
        },
    )


def _lines(wanted: Asked, lines: list[Line], way: str) -> tuple[list[dict[str, Any]], int, int]:
    rows = [
        {
            "line": line,
            "words": figures.KIND_WORDS[line.kind],
            "url": wanted.rows_url(kind=line.kind, way=way, reversal=int(line.is_reversal)),
        }
        for line in lines
        if line.direction == way
    ]
    return rows, sum(row["line"].count for row in rows), sum(row["line"].amount_fen for row in rows)


def _stage(wanted: Asked, stage: Any) -> dict[str, Any]:
    return {
        "stage": stage,
        "words": figures.ACCOUNT_WORDS[stage.kind],
        "opening_url": wanted.rows_url(stage=stage.kind, until=wanted.first - datetime.timedelta(days=1)),
        "in_url": wanted.rows_url(stage=stage.kind, way="in"),
        "out_url": wanted.rows_url(stage=stage.kind, way="out"),
        "closing_url": wanted.rows_url(stage=stage.kind, until=wanted.last),
    }


def _chips(wanted: Asked) -> list[dict[str, Any]]:
    """The ranges that people ask for, counted from the business day."""
    today = clock.today()
    month = today.replace(day=1)
    last_month = month - datetime.timedelta(days=1)
    quarter = datetime.date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    ranges = (
        (_("本月"), month, today),
        (_("上月"), last_month.replace(day=1), last_month),
        (_("本季"), quarter, today),
        (_("今年"), datetime.date(today.year, 1, 1), today),
        (_("去年"), datetime.date(today.year - 1, 1, 1), datetime.date(today.year - 1, 12, 31)),
    )
    return [
        {
            "label": label,
            "url": wanted.url(**{"from": first, "to": last}),
            "on": (first, last) == (wanted.first, wanted.last),
        }
        for label, first, last in ranges
    ]


@login_required
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The transfers behind one figure; with `until` all up to that day, whose effects are a balance."""
    wanted = asked(request.user, request.GET)
    given = request.GET
    stage = given.get("stage", "") if given.get("stage") in _stages_of(wanted) else ""
    until = day_of(given.get("until", ""))
    kind = given.get("kind", "") if given.get("kind") in figures.KIND_WORDS else ""
    way = given.get("way", "") if given.get("way") in DIRECTIONS else ""
    reversal = {"0": False, "1": True}.get(given.get("reversal", ""))
    found = wanted.scope.rows(
        None if until else wanted.first,
        until or wanted.last,
        kind=kind,
        direction=way,
        is_reversal=reversal,
        stage=stage,
    )
    if until:
        found = found.exclude(direction="within").order_by("-business_date", "-id")
    page = Paginator(found.select_related("recorded_by"), PAGE).get_page(given.get("page"))
    transfers = list(page.object_list)
    late = periods.belongs_to(transfers)
    cases = figures.with_cases([{"subject": row.subject, "fen": 0} for row in transfers], cases_in_reach(request.user))
    return render(
        request,
        "funds/statement_rows.html",
        {
            "asked": wanted,
            "title": _title(kind, way, reversal, stage, until),
            "until": until,
            "page": page,
            "rows": [
                {
                    "transfer": row,
                    "kind": figures.KIND_WORDS[row.kind],
                    "case": part.case,
                    "late": late.get(row.pk),
                    "sign": SIGNS.get(way or row.direction, ""),
                }
                for row, part in zip(transfers, cases, strict=True)
            ],
            "sum_fen": found.aggregate(fen=Sum("effect_fen" if until else "amount_fen"))["fen"] or 0,
        },
    )


def _stages_of(wanted: Asked) -> Any:
    """The stages whose rows may be asked for; of a fund its source too, and what was paid."""
    return Account.Kind.values if wanted.scope.accounts else wanted.scope.kinds


def _title(kind: str, way: str, reversal: bool | None, stage: str, until: Any) -> str:
    words = [
        str(figures.ACCOUNT_WORDS[stage]) if stage else "",
        str(figures.KIND_WORDS[kind]) if kind else "",
        _("冲正") if reversal else "",
        str(DIRECTION_WORDS[way]) if way and not kind else "",
        _("余额的来历") if until else "",
    ]
    return " · ".join(word for word in words if word) or _("全部变动")


@login_required
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One transfer: both its sides, what it is for, who recorded it. Within reach by either fund or by the family's village."""
    user = request.user
    funds = funds_in_reach(user).values("pk")
    reach = Q(debit__fund__in=funds) | Q(credit__fund__in=funds)
    villages = units_in(user, Ability.FUND_VIEW, "reservation__village__")
    found = visible(
        Transfer.objects.filter(reach | villages if villages is not None else reach).select_related(
            "debit__fund",
            "credit__fund",
            "payment__batch",
            "recorded_by",
            "proposal__proposed_by",
            "proposal__decided_by",
        ),
        pk=pk,
    )
    part = figures.with_cases([{"subject": found.subject, "fen": 0}], cases_in_reach(user))[0]
    return render(
        request,
        "funds/entry.html",
        {
            "entry": found,
            "kind": figures.KIND_WORDS[found.kind],
            "from": figures.ACCOUNT_WORDS[found.debit.kind],
            "to": figures.ACCOUNT_WORDS[found.credit.kind],
            "case": part.case,
            "late": periods.belongs_to([found]).get(found.pk),
        },
    )


# ---------------------------------------------------------------- files


@login_required
@require_POST
def statement_file(request: HttpRequest) -> HttpResponse:
    """The statement with its rows as a file: at once when it is short, as a job when it is long. Who took it is written down."""
    wanted = asked(request.user, request.POST)
    form = request.POST.get("form", "")
    if form not in statement_files.CONTENT_TYPES:
        raise Http404
    try:
        with transaction.atomic():
            mark = taken_by(
                request.user,
                subject=wanted.of,
                fields=f"statement,{wanted.first},{wanted.last},{form}",
                reason=request.POST.get("reason", ""),
            )
            if wanted.scope.rows(wanted.first, wanted.last).count() > statement_files.MOST_AT_ONCE:
                return redirect("funds:statement_job", _enqueue(request, wanted, form, mark.why).pk)
            file = statement_files.written(wanted, form=form, by=request.user, mark=mark)
    except ReasonNeeded as refusal:
        messages.error(request, str(refusal))
        return redirect(wanted.url())
    return FileResponse(
        file,
        as_attachment=True,
        filename=statement_files.name_of(wanted, form),
        content_type=statement_files.CONTENT_TYPES[form],
    )


def _enqueue(request: HttpRequest, wanted: Asked, form: str, why: str) -> Job:
    return runner.enqueue(
        statement_files.JOB,
        f"{wanted.title} {wanted.first} {wanted.last}"[:120],
        by_id=request.user.pk,
        params={"of": wanted.of, "from": str(wanted.first), "to": str(wanted.last), "form": form, "reason": why},
    )


def _own_job(request: HttpRequest, pk: int) -> Job:
    found = Job.objects.filter(pk=pk, requested_by_id=request.user.pk, kind=statement_files.JOB).first()
    if found is None:
        raise Http404
    return found


@login_required
@require_GET
def statement_job(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the file is; then the file."""
    found = _own_job(request, pk)
    is_running = found.state in (Job.State.QUEUED, Job.State.RUNNING)
    response = render(request, "funds/statement_job.html", {"job": found, "is_running": is_running})
    return reload_soon(response) if is_running else response


@login_required
@require_GET
def statement_result(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own_job(request, pk)
    if found.state != Job.State.DONE or not found.result_file:
        raise Http404
    return FileResponse(found.result_file.open("rb"), as_attachment=True, filename=found.result["filename"])
