"""Was it so? What somebody has written down that she did together with another, and the other's answer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from casework import papers, second_person
from casework.desks.acts import base_of
from casework.desks.funds.forms import KeyedForm
from casework.errors import REFUSALS
from casework.reach import visible
from families.models import Document
from funds import countersigning, duties
from funds.models import Countersign
from funds.refusals import in_plain_words

PAGE = 25


class AnswerForm(KeyedForm):
    """One of two buttons; the second wants to know how it was instead."""

    answer = forms.ChoiceField(choices=[("confirm", _l("确认")), ("object", _l("不是这样"))])
    words = forms.CharField(
        label=_l("实际是怎么回事"), max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, withdraws: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if withdraws:
            self.fields["words"].label = _l("为什么撤回")

    @property
    def confirms(self) -> bool:
        return self.cleaned_data["answer"] == "confirm"


@login_required
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What waits for me; for the fund desk also what was objected to and what nobody has answered."""
    user = request.user
    page = Paginator(second_person.waiting_for(user), PAGE).get_page(request.GET.get("page"))
    context = {"base": base_of(user), "page": page, "mine": second_person.questions(page)}
    if second_person.watches(user):
        context |= {
            "watches": True,
            "objected": second_person.questions(second_person.objections(user)[:PAGE]),
            "waiting": second_person.questions(second_person.unanswered(user)[:PAGE]),
        }
    return render(request, "countersigns/home.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One question with everything that it takes to judge, and two answers; the fund desk may withdraw instead."""
    user, asked = request.user, visible(second_person.readable(request.user), pk=pk)
    is_mine = asked.asked_person_key == user.person_key
    withdraws = not is_mine and not asked.answer and not why_not_withdrawn(user, asked)
    form = AnswerForm(request.POST or None, withdraws=withdraws)
    if request.method == "POST" and (is_mine or withdraws) and form.is_valid():
        words = form.cleaned_data["words"]
        try:
            with in_plain_words():
                second_person.answer(
                    asked, by=user, key=f"second:{form.cleaned_data['key']}", confirms=form.confirms, words=words
                )
        except REFUSALS as refusal:
            form.add_error("words" if not words and not form.confirms else None, str(refusal))
        else:
            messages.success(request, _("确认了。") if form.confirms else _("记下来了，资金管理会看到。"))
            return redirect("countersigns:home")
    asked.refresh_from_db(fields=["answer", "words", "answered_on", "answered_by"])
    context = {
        "base": base_of(user),
        "q": second_person.question(asked),
        "asked": asked,
        "form": form,
        "may_answer": is_mine and not asked.answer,
        "may_withdraw": withdraws,
        "may_ask_again": _may_ask_again(user, asked),
    }
    return render(request, "countersigns/one.html", context, status=422 if form.errors else 200)


def why_not_withdrawn(user: Any, asked: Countersign) -> str:
    """ "" or why she may not answer in the second person's stead, or ask her again."""
    return duties.why_not(user, "countersigns", countersigning.place_of(asked), after=[asked.first_person_key])


def _may_ask_again(user: Any, asked: Countersign) -> bool:
    is_open = asked.answer == "objected" and countersigning.open_objections().filter(pk=asked.pk).exists()
    return is_open and not asked.handover_id and not why_not_withdrawn(user, asked)


@login_required
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """The objection was a mistake: she is asked once more."""
    asked = visible(second_person.readable(request.user), pk=pk)
    try:
        with in_plain_words():
            fresh = countersigning.ask_again(asked.pk, by=request.user)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
        return redirect("countersigns:one", asked.pk)
    messages.success(request, _("已经请%(name)s再看一次。") % {"name": fresh.asked.name})
    return redirect("countersigns:home")


def _paper(request: HttpRequest, pk: int) -> Document:
    found = second_person.question(visible(second_person.readable(request.user), pk=pk)).receipt
    if found is None:
        raise Http404
    return found


@login_required
@require_safe
@never_cache
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt itself; that she opened it is in the access log before the first byte."""
    found = _paper(request, pk)
    is_image = found.content_type.startswith("image/")
    response = FileResponse(
        papers.open_file(request.user, found),
        as_attachment=not is_image,
        filename=f"{found.kind}-{found.pk}",
        content_type=found.content_type if is_image else "application/octet-stream",
    )
    return _as_it_is(response)


@login_required
@require_safe
@never_cache
def small(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt, small, inside the page."""
    picture = papers.picture(_paper(request, pk))
    if picture is None:
        raise Http404
    return _as_it_is(HttpResponse(picture, content_type="image/jpeg"))


def _as_it_is(response: HttpResponse) -> HttpResponse:
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
