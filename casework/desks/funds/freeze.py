"""Payments stand still after a restore: what came back, which accounts are still to be compared, and lifting it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access.models import OrgUnit
from casework.desks.funds.forms import ReasonForm
from casework.desks.funds.reach import demand, demand_money, kept_in_reach, posts_for, why_not
from casework.errors import REFUSALS
from funds import freezing
from funds.models import DepositAccount, Proposal
from funds.refusals import in_plain_words


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def freeze(request: HttpRequest) -> HttpResponse:
    """Why payments stand still, and the step that comes next; whoever makes payments proposes to lift it."""
    demand_money(request.user)
    form = ReasonForm(request.POST or None, initial={"reason": _("恢复以后和银行对过账，两边一致")})
    if request.method == "POST":
        demand(request.user, "make")
        if form.is_valid():
            proposal = _propose(request.user, form)
            if proposal:
                messages.success(request, _("提出来了。另一个人核准以后，付款才能继续。"))
                return redirect("funds:proposal", proposal.pk)
    mine = kept_in_reach(request.user, DepositAccount)
    missing = {account.pk for account in freezing.still_to_reconcile()}
    here = list(mine.filter(pk__in=missing))
    waiting = Proposal.objects.filter(kind="lift_freeze", state="proposed").select_related("proposed_by").first()
    return render(
        request,
        "funds/freeze.html",
        {
            "freezes": list(freezing.open_freezes()),
            "missing": here,
            "elsewhere": len(missing) - len(here),
            "first": freezing.why_not_lift(),
            "waiting": waiting,
            "why_not": why_not(request.user, "make"),
            "form": form,
        },
        status=422 if form.errors else 200,
    )


def _propose(user: Any, form: ReasonForm) -> Proposal | None:
    """None: it was refused, and the form says why."""
    try:
        with in_plain_words():
            return freezing.propose_lifting(
                OrgUnit.objects.get(pk=posts_for(user, "make")[0].unit_id),
                by=user,
                key=f"lift:{form.cleaned_data['key']}",
                reason=form.cleaned_data["reason"],
            )
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return None
