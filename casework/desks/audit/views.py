"""Searching, following one payment back, comparing versions, and who has read what."""

import datetime
import functools
import time
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Appointment, Staff
from access.roles import Ability
from access.scope import can
from audit import checkpoints as seals
from audit import erasure
from audit.context import acting
from audit.models import AccessLog, Checkpoint
from audit.operations import BYPASS_REASON
from casework import chain
from casework.auditing import search
from casework.auditing.search.kinds import KINDS
from casework.auditing.search.reading import LONGEST, is_personal
from casework.days import day_short
from casework.desks.audit import records
from casework.desks.audit.exporting import CONTENT_TYPES, trail_file
from casework.desks.audit.printed import found_by
from casework.desks.audit.subjects import Subjects
from casework.desks.chain import strip
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.funds.tables import PAYMENT_TONES
from casework.fields import AnswerCards, MoneyField
from casework.http import row_number
from casework.models import Case
from casework.queries import capped_count
from casework.reach import units_in, visible
from casework.rosters import deciding
from casework.rosters import paying as rosters
from casework.search import audited_cases, latest_paid
from casework.trail import Trail, of_case, read_words, subjects_of
from casework.visibility import sight
from casework.watermark import WhyForm
from families import survey_form
from funds.models import Payment

PAGE = 25
TIMELINE = 60
SEALS_CHECKED = 200_000  # entries that one page may read again


def auditors_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For whoever may audit somewhere; for everybody else these pages do not exist."""

    @login_required
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not can(request.user, Ability.AUDIT_READ):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


# ---------------------------------------------------------------- search


class SearchForm(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("姓名、拼音、编号、身份证号、账号、回单号、文号、金额"),
        required=False,
        max_length=LONGEST,
        help_text=gettext_lazy("金额写上“元”，例如 1500-3000元。身份证号和账号写全，只用来找，不显示。"),
        widget=forms.TextInput(attrs={"type": "search", "data-search": "", "autocomplete": "off"}),
    )
    least = MoneyField(label=gettext_lazy("金额从"), required=False)
    most = MoneyField(label=gettext_lazy("到"), required=False)
    first = forms.DateField(label=gettext_lazy("日期从"), required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label=gettext_lazy("到哪天"), required=False, widget=forms.DateInput({"type": "date"}))


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """One box and four bounds: what was found, kind by kind, each with its reason. That she searched is written down.

    The form is posted, for whole numbers belong into no address, history or log; an address that brings one finds nothing.
    """
    given = request.POST if request.method == "POST" else request.GET
    is_open = request.method != "POST" and is_personal(given.get("q", ""))
    form = SearchForm(given if given and not is_open else None)
    asked = search.Asked()
    if form.is_bound and form.is_valid():
        words = form.cleaned_data
        asked = search.Asked(words["q"], words["least"], words["most"], words["first"], words["last"])
    kind = given.get("kind", "")
    with transaction.atomic():
        found = search.find(request.user, asked, kind, row_number(given.get("before")))
        if asked:
            search.record(request.user, asked, found)
    return render(
        request,
        "audit/find.html",
        {
            "form": form,
            "asked": bool(asked),
            "found": found,
            "one_kind": kind in KINDS,
            "is_open": is_open,
            "given": [(name, given.get(name, "")) for name in SearchForm.base_fields],
            "latest": [] if asked or form.errors else latest_paid(request.user),
        },
    )


# ---------------------------------------------------------------- one case's trail


def _case(request: HttpRequest, case_id: int) -> Case:
    rows = audited_cases(request.user).select_related(
        "household", "village", "township", "survey", "payee_account", "version"
    )
    return visible(rows, pk=case_id)


@auditors_only
@require_safe
def payment(request: HttpRequest, payment_id: int) -> HttpResponse:
    """A payment of a case is followed on the page of the case, one of a list here."""
    found = Payment.objects.filter(pk=payment_id).values_list("subject", flat=True).first() or ""
    if found.startswith("roster:"):
        return _payment_of_list(request, payment_id)
    case_id = found.removeprefix("case:")
    if not case_id.isdecimal():
        raise Http404
    return redirect("audit:trail", _case(request, int(case_id)).pk)


def _payment_of_list(request: HttpRequest, payment_id: int) -> HttpResponse:
    """From the payment to its batch, its line, who signed it when, the notice, and every account of the family."""
    in_reach = units_in(request.user, Ability.AUDIT_READ, "reservation__village__")
    if in_reach is None:
        raise Http404
    found = visible(Payment.objects.filter(in_reach).select_related("batch"), pk=payment_id)
    line, roster = rosters.line_of(found), rosters.roster_paid_by(found)
    context = {
        "payment": found,
        "chain": strip(chain.list_steps(roster, line, found), request.user),
        "tone": PAYMENT_TONES[found.state],
        "roster": roster,
        "line": line,
        "digest_holds": deciding.digest(roster) == roster.approved_digest,
        "signatures": line.signatures.select_related("account", "signed_by").order_by("id") if line else (),
        "accounts": line.household.accounts.select_related("holder", "recorded_by").order_by("id") if line else (),
    }
    return render(request, "audit/list_payment.html", context)


@auditors_only
@require_safe
def trail(request: HttpRequest, case_id: int) -> HttpResponse:
    """From the payment back to the survey: six cards, one timeline, who has read what. What is masked stays masked."""
    case = _case(request, case_id)
    began = time.monotonic()
    found = of_case(case)
    seconds = time.monotonic() - began
    kind = request.GET.get("kind", "")
    happenings = [item for item in found.happenings if not kind or item.kind == kind]
    page = Paginator(happenings, TIMELINE).get_page(request.GET.get("page"))
    before, after = _chosen_surveys(found, request.GET)
    seen = sight(request.user, case)
    return render(
        request,
        "audit/trail.html",
        {
            "case": case,
            "trail": found,
            "chain": strip(found.way, request.user, case),
            "erased": erasure.of_stream(case.subject),
            "checked_seconds": f"{seconds:.1f}",
            "page": page,
            "chips": [
                {"label": words, "url": f"?kind={code}#timeline", "on": kind == code}
                for code, words in (
                    ("", _("全部")),
                    ("act", _("办理")),
                    ("change", _("记录改动")),
                    ("read", _("看过的人")),
                )
            ],
            "before": before,
            "after": after,
            "survey_changes": _survey_changes(before, after, seen) if before and after else [],
            "reads": [{"entry": entry, "words": read_words(entry)} for entry in found.reads[:8]],
            "reads_count": len(found.reads),
            "members": case.household.members.filter(valid_to__isnull=True).select_related("person"),
        },
    )


def _chosen_surveys(found: Trail, asked: Any) -> tuple[Any, Any]:
    """The two versions to compare: those asked for, else the one that was decided on and the one before it."""
    by_version = {str(survey.version): survey for survey in found.surveys}
    before, after = by_version.get(asked.get("from", "")), by_version.get(asked.get("to", ""))
    if before and after:
        return before, after
    used = found.case.survey or (found.surveys[0] if found.surveys else None)
    if used is None:
        return None, None
    return by_version.get(str(used.version - 1)), used


def _survey_changes(before: Any, after: Any, seen: Any) -> list[dict[str, Any]]:
    changes = [
        {
            "label": difference.label,
            "before": None if difference.before is None else records.answer_words(difference.kind, difference.before),
            "after": None if difference.after is None else records.answer_words(difference.kind, difference.after),
            "by": after.surveyor.name,
            "reason": after.change_reason,
        }
        for difference in survey_form.differences(before.facts, after.facts, seen.hidden)
    ]
    plain = (
        (_("自己的话"), before.needs_words, after.needs_words),
        (_("调查日期"), day_short(before.surveyed_on), day_short(after.surveyed_on)),
        (_("调查人"), before.surveyor.name, after.surveyor.name),
        (_("第二调查人"), before.second_surveyor.name, after.second_surveyor.name),
    )
    changes += [
        {"label": label, "before": was, "after": now, "by": after.surveyor.name, "reason": after.change_reason}
        for label, was, now in plain
        if was != now
    ]
    return changes


class ExportForm(WhyForm):
    form = forms.ChoiceField(
        label=gettext_lazy("要哪种文件"),
        choices=(("json", gettext_lazy("JSON，带全部指纹，可以另外校验")), ("csv", gettext_lazy("CSV，经过一行一件"))),
        initial="json",
        widget=AnswerCards(),
    )


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, case_id: int) -> HttpResponse:
    """The trail as a file, for a stated reason that stays in the access log."""
    case = _case(request, case_id)
    form = ask(request, ExportForm(request.POST or None), Kind.EXPORT)
    if request.method == "POST" and form.is_valid() and is_confirmed(request, form, Kind.EXPORT):
        kind = form.cleaned_data["form"]
        found = of_case(case)
        with transaction.atomic(), acting(request.user):
            content = trail_file(found, form=kind, reason=form.cleaned_data["reason"], by=request.user)
        response = HttpResponse(content, content_type=CONTENT_TYPES[kind])
        response["Content-Disposition"] = f'attachment; filename="trail-{case.case_no}.{kind}"'
        response["Cache-Control"] = "no-store"
        return response
    return render(request, "audit/export.html", {"form": form, "case": case})


# ---------------------------------------------------------------- versions of any record


@auditors_only
@require_safe
def record(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The versions of one record, and what differs between two of them."""
    found = records.kinds().get(kind)
    if found is None:
        raise Http404
    live = visible(records.within_reach(request.user, found), pk=pk)
    rows = records.versions_of(found, pk)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    after = _version(rows, request.GET.get("to")) or rows.first()
    if after is None:
        raise Http404
    before = _version(rows, request.GET.get("from")) or rows.filter(history_id__lt=after.history_id).first()
    if before is not None and before.history_id > after.history_id:
        before, after = after, before
    listed = list(page.object_list)
    names = dict(
        Staff.objects.filter(pk__in={row.history_user_id for row in [*listed, after]} - {None}).values_list(
            "pk", "name"
        )
    )
    changes, same = records.changes_between(
        before, after, request.user, records.place_of(live), names.get(after.history_user_id, _("系统"))
    )
    return render(
        request,
        "audit/record.html",
        {
            "kind": kind,
            "words": found.words,
            "live": live,
            "page": page,
            "versions": [
                {
                    "row": row,
                    "who": names.get(row.history_user_id, _("系统")),
                    "bypassed": (row.history_change_reason or "").startswith(BYPASS_REASON),
                    "current": row.history_id == after.history_id,
                }
                for row in listed
            ],
            "before": before,
            "after": after,
            "changes": changes,
            "same": same,
        },
    )


def _version(rows: Any, text: str | None) -> Any:
    return rows.filter(history_id=row_number(text)).first()


# ---------------------------------------------------------------- reads and seals


def reads_in_reach(user: Any) -> Any:
    """What people appointed in the auditor's unit have opened."""
    condition = units_in(user, Ability.AUDIT_READ, "unit__")
    if condition is None:
        return AccessLog.objects.none()
    return AccessLog.objects.filter(actor_id__in=Appointment.objects.filter(condition).values("staff_id"))


@auditors_only
@require_safe
def reads(request: HttpRequest) -> HttpResponse:
    """Who opened what, when and why."""
    asked = request.GET
    wanted = row_number(asked.get("case"))
    case = _case(request, wanted) if wanted else None
    rows = AccessLog.objects.filter(subjects_of(case)) if case else reads_in_reach(request.user)
    who, kind = asked.get("who", "").strip(), asked.get("kind", "")
    if who:
        rows = rows.filter(actor_name__contains=who)
    if kind in AccessLog.Kind.values:
        rows = rows.filter(kind=kind)
    no_days = []
    for side, name in (("gte", "first"), ("lte", "last")):
        day = _day(asked.get(name, ""))
        if day:
            rows = rows.filter(Q(**{f"business_date__{side}": day}))
        elif asked.get(name):
            no_days.append(asked[name][:20])
    rows = rows.order_by("-id")
    count, is_capped = capped_count(rows)
    page = Paginator(rows[:count], PAGE).get_page(asked.get("page"))
    entries = list(page.object_list)
    subjects = Subjects(entries, request.user)
    return render(
        request,
        "audit/reads.html",
        {
            "page": page,
            "rows": [
                {
                    "entry": entry,
                    "words": read_words(entry),
                    "subject": subjects.words(entry.subject),
                    "url": subjects.url(entry.subject),
                }
                for entry in entries
            ],
            "kinds": [
                ("unmask", _("写明原因看了")),
                ("export", _("导出")),
                ("file", _("打开材料")),
                ("emergency", _("紧急查看")),
            ],
            "no_days": no_days,
            "asked": {"who": who, "kind": kind, "first": asked.get("first", ""), "last": asked.get("last", "")},
            "case": case,
            "is_capped": is_capped,
        },
    )


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


@auditors_only
@require_safe
def checkpoints(request: HttpRequest) -> HttpResponse:
    """The seals, newest first; asked for, every one is checked again as far as a page may take. A printed code is compared."""
    page = Paginator(Checkpoint.objects.order_by("-id"), PAGE).get_page(request.GET.get("page"))
    last = seals.latest()
    within_limits = last is None or last.total <= SEALS_CHECKED
    checked, seconds, faults = False, 0.0, []
    if request.GET.get("check") and within_limits:
        began = time.monotonic()
        faults = list(seals.faults())
        checked, seconds = True, time.monotonic() - began
    printed = request.GET.get("printed", "").strip()
    broken = {checkpoint.pk: fault for checkpoint, fault in faults}
    words = {
        "chain": _("没有接在前一个上"),
        "hash": _("被改过"),
        "signature": _("不是本机签的"),
        "cut": _("封存以后，记录少了或者多了"),
        "root": _("封存以后，记录被换过"),
    }
    return render(
        request,
        "audit/checkpoints.html",
        {
            "page": page,
            "rows": [
                {"seal": seal, "fault": words[broken[seal.pk]] if seal.pk in broken else ""}
                for seal in page.object_list
            ],
            "last": last,
            "checked": checked,
            "faults": len(faults),
            "seconds": f"{seconds:.1f}",
            "within_limits": within_limits,
            "printed": printed,
            "found": found_by(printed, request.user) if printed else None,
        },
    )
