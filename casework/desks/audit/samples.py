"""Samples: drawn with a published seed, shown with what anybody needs to draw them again."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from access.roles import Ability
from casework.auditing import sampling
from casework.auditing.models import Sample
from casework.desks.audit.forms import SampleForm
from casework.desks.audit.rules import unit_of
from casework.desks.audit.subjects import Subjects
from casework.desks.audit.views import PAGE, auditors_only
from casework.errors import REFUSALS
from casework.reach import units_in, visible


def _in_reach(user: Any) -> Any:
    condition = units_in(user, Ability.AUDIT_READ, "unit__")
    if condition is None:
        raise Http404
    return Sample.objects.filter(condition).select_related("unit", "drawn_by")


@auditors_only
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Draw one, and those that were drawn."""
    form = SampleForm(request.POST or None)
    unit = unit_of(request)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        frame = sampling.Frame(unit, given["of"], given["first_on"], given["last_on"], given["least"] or 0)
        try:
            made = sampling.draw(
                frame, size=given["size"], seed=given["seed"], seed_source=given["seed_source"], by=request.user
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("audit:sample", made.pk)
    page = Paginator(_in_reach(request.user).order_by("-id"), PAGE).get_page(request.GET.get("page"))
    return render(request, "audit/samples.html", {"form": form, "page": page, "unit": unit})


class _Drawn:
    def __init__(self, subject: str) -> None:
        self.subject = subject


@auditors_only
@require_safe
def sample(request: HttpRequest, sample_id: int) -> HttpResponse:
    """What was drawn; asked for, it is drawn again and compared."""
    found = visible(_in_reach(request.user), pk=sample_id)
    kind = "case" if found.of == Sample.Of.CASES else "payment"
    drawn = [_Drawn(f"{kind}:{number}") for number in found.drawn]
    subjects = Subjects(drawn, request.user)
    context = {
        "sample": found,
        "rows": [(n, subjects.words(one.subject), subjects.url(one.subject)) for n, one in enumerate(drawn, start=1)],
        "again": sampling.draws_again(found) if request.GET.get("again") else None,
    }
    return render(request, "audit/sample.html", context)
