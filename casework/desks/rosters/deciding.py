"""Putting a list up, approving it, cancelling it, stopping one line; and the progress of long work."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from casework.desks.acts import base_of
from casework.desks.confirming import Kind, ask, is_confirmed
from casework.desks.funds.forms import KeyedForm, ReasonForm
from casework.desks.rosters.forms import PutUpForm, SignForm
from casework.desks.rosters.reach import line_or_404, roster_or_404
from casework.errors import REFUSALS
from casework.http import reload_soon
from casework.models import Roster
from casework.rosters import deciding, jobs, signing
from funds.money import capitals, yuan
from funds.refusals import in_plain_words
from jobs import runner
from jobs.models import Job

KINDS = ("approve_roster", "build_roster_batch", "release_roster_batch")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def put_up(request: HttpRequest, roster_id: int) -> HttpResponse:
    """Where the list hangs; from today the days of the notice count."""
    roster = roster_or_404(request.user, roster_id)
    if not roster.is_draft or not roster.rules.notice.days:
        raise Http404
    form = PutUpForm(request.POST or None, initial={"place": roster.posted_place})
    return one_form(
        request,
        roster,
        form,
        title=_("张榜公示"),
        note=_("先打印名册贴出去，再在这里记下。期满以前有人提意见的，改了要重新张榜。"),
        step=lambda given: deciding.put_up(roster.pk, place=given["place"], by=request.user),
        done=_("记好了，公示期从今天算起。"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, roster_id: int) -> HttpResponse:
    """Sign for the lines; a long list is signed by a job, whose progress is shown."""
    roster = roster_or_404(request.user, roster_id)
    if not roster.is_draft:
        return redirect("rosters:roster", roster.pk)
    form = ask(request, KeyedForm(request.POST or None), Kind.APPROVE)
    sums = roster.lines.filter(state="on").aggregate(n=Count("id"), fen=Sum("amount_fen"))
    if (
        request.method == "POST"
        and form.is_valid()
        and jobs.is_long(roster)
        and not deciding.why_not(roster, request.user)
        and is_confirmed(request, form, Kind.APPROVE)
    ):
        return redirect("rosters:job", jobs.start("approve_roster", _("批准名册"), roster, by=request.user).pk)
    return one_form(
        request,
        roster,
        form,
        title=_("批准名册"),
        note=_("一共 %(n)d 人，%(fen)s 元（%(capitals)s）。签字以后每一行的钱都锁定，名册不能再改。")
        % {"n": sums["n"], "fen": yuan(sums["fen"] or 0), "capitals": capitals(sums["fen"] or 0)},
        step=lambda given: deciding.approve(roster.pk, by=request.user),
        done=_("已批准，钱锁定了。下一步：资金管理列批次付款。"),
        bar=deciding.why_not(roster, request.user),
        kind=Kind.APPROVE,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, roster_id: int) -> HttpResponse:
    roster = roster_or_404(request.user, roster_id)
    return one_form(
        request,
        roster,
        ReasonForm(request.POST or None),
        title=_("作废名册"),
        note=_("没付的钱解锁，名册上的人可以列入别的名册。付过钱的名册不能整份作废。"),
        step=lambda given: deciding.cancel(roster.pk, reason=given["reason"], by=request.user),
        done=_("已作废，钱解锁了。"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, line_id: int) -> HttpResponse:
    """One line of an approved list is not paid."""
    line = line_or_404(request.user, line_id)
    if line.roster.is_draft:
        raise Http404
    return one_form(
        request,
        line.roster,
        ReasonForm(request.POST or None),
        title=_("停发这一行"),
        note=_("锁定的钱退回资金。名册保持批准时的样子。"),
        step=lambda given: deciding.stop_line(line, reason=given["reason"], by=request.user),
        done=_("已停发，钱退回了。"),
        line=line,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, line_id: int) -> HttpResponse:
    """The name and the account of one line as they are now, beside those that were signed last."""
    line = line_or_404(request.user, line_id)
    signed = line.signatures.select_related("account").order_by("-id").first()
    if line.roster.state != Roster.State.APPROVED or line.roster.channel == Roster.Channel.PROVIDER:
        raise Http404
    account = signing.account_in_use(line) if line.roster.channel == Roster.Channel.BANK else None
    words = _("上次签的：%(before)s。现在：%(now)s。签字以后就付到现在这个账户，换过的账户要隔一个工作日。")
    return one_form(
        request,
        line.roster,
        ask(request, SignForm(request.POST or None), Kind.APPROVE),
        title=_("重新签字"),
        note=words
        % {
            "before": _named(signed.payee_name, signed.holder_name, signed.account) if signed else _("没有"),
            "now": _named(line.person.name, account.holder.name if account else "", account),
        },
        step=lambda given: signing.sign_again(line, because=given["because"], by=request.user),
        done=_("签好了，这一行可以付款。"),
        line=line,
        kind=Kind.APPROVE,
    )


def _named(payee: str, holder: str, account: Any) -> str:
    return _("、").join(filter(None, [payee, f"{holder} {account.bank} {account.masked}" if account else ""]))


def one_form(
    request: HttpRequest,
    roster: Any,
    form: Any,
    *,
    title: str,
    note: str,
    step: Any,
    done: str,
    bar: str = "",
    line: Any = None,
    kind: Kind | None = None,
) -> HttpResponse:
    """A page with one form for one act on a list; `kind` where it asks once more who is acting."""
    if request.method == "POST" and form.is_valid() and (kind is None or is_confirmed(request, form, kind)):
        try:
            with in_plain_words():
                step(form.cleaned_data)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect("rosters:roster", roster.pk)
    context = {
        "base": base_of(request.user),
        "roster": roster,
        "line": line,
        "form": form,
        "title": title,
        "verb": title,
        "note": note,
        "bar": bar,
    }
    return render(request, "rosters/form.html", context, status=422 if form.errors else 200)


def _own_job(request: HttpRequest, job_id: int) -> Job:
    found = Job.objects.filter(pk=job_id, requested_by_id=request.user.pk, kind__in=KINDS).first()
    if found is None:
        raise Http404
    return found


@login_required
@require_safe
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far the work on a long list is."""
    found = _own_job(request, job_id)
    is_running = found.state in (Job.State.QUEUED, Job.State.RUNNING)
    context = {
        "base": base_of(request.user),
        "found": found,
        "is_running": is_running,
        "job": {
            "title": found.title,
            "done": found.done_units,
            "total": found.total_units,
            "unit": _("人"),
            "note": found.step,
            "is_finished": not is_running,
            "cancel_url": reverse("rosters:cancel_job", args=[found.pk]),
            "result_url": _result_url(found) if not is_running else "",
            "result_label": _("看批次") if _batch_of(found) else _("看名册"),
        },
    }
    response = render(request, "rosters/job.html", context)
    return reload_soon(response) if is_running else response


def _batch_of(found: Job) -> int | None:
    """The batch that a job made or releases."""
    return found.result.get("batch") or found.params.get("batch")


def _result_url(found: Job) -> str:
    batch = _batch_of(found)
    return reverse("funds:batch", args=[batch]) if batch else reverse("rosters:roster", args=[found.params["roster"]])


@login_required
@require_POST
def cancel_job(request: HttpRequest, job_id: int) -> HttpResponse:
    runner.cancel(_own_job(request, job_id).pk)
    return redirect("rosters:job", job_id)
