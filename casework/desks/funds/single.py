"""A page with one form for one act on one case."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from casework.acting import act, possible_actions
from casework.desks.funds.reach import demand
from casework.errors import REFUSALS
from casework.models import Case
from funds.refusals import in_plain_words


def one_act(
    request: HttpRequest,
    case: Case,
    action: str,
    form: Any,
    *,
    title: str,
    note: str,
    done: str,
    then: str,
    data: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: {},
    owed_fen: int | None = None,
) -> HttpResponse:
    """The form; sent, the act, and on to the page `then`. Http404 where the case does not lie before this act.

    `owed_fen` stands in place of the amount where the act is about money that has to come back.
    """
    demand(request.user, "make")
    barred = next((why for edge, why in possible_actions(case, request.user) if edge.action == action), None)
    if barred is None:
        raise Http404
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                act(
                    case.pk,
                    action,
                    by=request.user,
                    key=f"{action}:{given['key']}",
                    reason=given["reason"],
                    data=data(given),
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect(then)
    return render(
        request,
        "funds/one_act.html",
        {
            "form": form,
            "case": case,
            "title": title,
            "note": note,
            "barred": barred,
            "back": then,
            "owed_fen": owed_fen,
        },
    )
