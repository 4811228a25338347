"""我的近亲属: what I declared, one more, and that it is all this year."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from casework.desks.acts import base_of, refuse
from casework.desks.relatives.forms import RelativeForm
from casework.errors import REFUSALS
from casework.models import RelativeFlag
from casework.relatives import register, who
from families.models import ConflictDeclaration, RelativeStatement
from flows.kin import RELATIONS


@sensitive_post_parameters("id_number")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """Her own declarations, with a form for another; it bars her from the moment it is sent."""
    user = request.user
    if not who.must_declare(user):
        raise PermissionDenied(_("近亲属由受理、审核、审批、付款的人和村干部申报，你的岗位不用报。"))
    form = RelativeForm(request.POST or None, relations=register.relations_today())
    if request.method == "POST" and form.is_valid():
        try:
            row = register.declare_own(form.relative, by=user)
        except REFUSALS as refusal:
            refuse(form, refusal, "id_number")
        else:
            messages.success(request, _("报好了：%(name)s家的事你不再经手，由别人办。") % {"name": row.relative_name})
            return redirect("relatives:mine")
    rows = ConflictDeclaration.objects.filter(declarer_person_key=user.person_key).select_related("ended_by")
    year = clock.today().year
    context = {
        "form": form,
        "rows": [{"row": row, "relation": RELATIONS.get(row.relation, row.relation)} for row in rows[:100]],
        "open_count": sum(1 for row in rows if row.ended_on is None),
        "year": year,
        "statement": RelativeStatement.objects.filter(person_key=user.person_key, year=year).first(),
        # families that named her, or in which she lives, and that she has not declared
        "asked_about": RelativeFlag.objects.filter(
            person_key=user.person_key, is_declared=False, ended_on__isnull=True
        ).count(),
        "base": base_of(user),
    }
    return render(request, "relatives/mine.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def state(request: HttpRequest) -> HttpResponse:
    """That is all, or there is none: this year's statement."""
    try:
        made = register.state_own(by=request.user)
    except REFUSALS as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    messages.success(request, _("%(year)d 年的确认记好了。") % {"year": made.year})
    return redirect("relatives:mine")
