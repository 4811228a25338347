"""Who looked in an emergency, at what, and whether it was right: for supervisors of the place and auditors."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from access import break_glass
from access.errors import BadBreakGlass
from access.models import BreakGlass
from audit import clock
from audit.models import AccessLog
from casework.desks.acts import base_of
from casework.fields import AnswerCards
from casework.page_words import page_words
from casework.queries import PAGE, cases_in_reach, households_in_reach

MOST_PAGES = 200


class ReviewForm(forms.Form):
    """Whether it was right, and how that was found out."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("核实的结果"),
        choices=[("proper", gettext_lazy("确有急事，看得应该")), ("improper", gettext_lazy("不应该看，要处理"))],
        widget=AnswerCards,
    )
    words = forms.CharField(label=gettext_lazy("怎么核实的"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Those of her places, not yet reviewed first; her own are there, too."""
    rows = break_glass.in_reach(request.user).select_related("staff", "unit", "reviewed_by")
    first = rows.order_by(F("reviewed_at").desc(nulls_first=True), "-started_at")
    found = Paginator(first, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": found,
        "rows": [row_of(row) for row in found],
        "waiting": break_glass.to_review(request.user).count(),
        "may_begin": break_glass.units_for(request.user).exists(),
        "base": base_of(request.user),
    }
    return render(request, "emergency/home.html", context)


def row_of(row: BreakGlass) -> dict[str, Any]:
    is_running = row.closed_at is None and row.ends_at > timezone.now()
    return {
        "row": row,
        "is_running": is_running,
        "is_late": row.reviewed_at is None and row.review_due_on < clock.today(),
    }


def _looks(entries: list[AccessLog], row: BreakGlass, user: Any) -> list[dict[str, Any]]:
    """Each page with what it was about: a case or family by its number where the reviewer reaches it herself."""
    ids: dict[str, set[int]] = {"case": set(), "household": set()}
    for entry in entries:
        kind, _colon, number = entry.subject.partition(":")
        ids.get(kind, set()).add(int(number))
    cases = cases_in_reach(user).filter(pk__in=ids["case"]).values_list("pk", "case_no")
    families = households_in_reach(user).filter(pk__in=ids["household"]).values_list("pk", "head_name")
    named = {f"case:{pk}": (no, reverse("cases:detail", args=[pk])) for pk, no in cases}
    named |= {f"household:{pk}": (name, reverse("cases:family", args=[pk])) for pk, name in families}
    named[f"unit:{row.unit_id}"] = (row.unit.name, "")
    found = []
    for entry in entries:
        words, url = named.get(entry.subject, (entry.subject, ""))
        is_begin = entry.fields == "begin"
        shown = "" if is_begin else page_words(entry.fields)
        found.append({"entry": entry, "subject": words, "url": url, "is_begin": is_begin, "page": shown})
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them: why, every page that was looked at, and the form of the review."""
    rows = break_glass.in_reach(request.user).select_related("staff", "unit", "reviewed_by")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    may_review = break_glass.to_review(request.user).filter(pk=row.pk).exists()
    form = ReviewForm(request.POST or None) if may_review else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            break_glass.review(row, by=request.user, **form.cleaned_data)
        except BadBreakGlass as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("复核好了。"))
            return redirect("emergency:page", row.pk)
    until = row.closed_at or row.ends_at
    looks = AccessLog.objects.filter(
        kind=AccessLog.Kind.EMERGENCY, actor_id=row.staff_id, at__gte=row.started_at, at__lte=until
    ).order_by("id")
    context = row_of(row) | {
        "form": form,
        "looks": _looks(list(looks[:MOST_PAGES]), row, request.user),
        "base": base_of(request.user),
    }
    return render(request, "emergency/page.html", context, status=422 if form and form.errors else 200)
