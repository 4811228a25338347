"""Where one is signed in, and how to be signed in nowhere else."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access import sessions

MOST = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The list; a POST ends all but this one."""
    if request.method == "POST":
        sessions.end_other_sessions(request)
        messages.success(request, _("别处都已经退出。"))
        return redirect("account:places")
    here = request.session.get(sessions.SIGN_IN)
    rows = [
        {"row": row, "is_here": row.pk == here, "device": device_of(row.agent)}
        for row in sessions.open_sign_ins(request.user)[:MOST]
    ]
    return render(request, "account/places.html", {"rows": rows, "others": sum(not row["is_here"] for row in rows)})


def device_of(agent: str) -> str:
    """What somebody recognises: a telephone, or a computer with its system."""
    if "Android" in agent or "HarmonyOS" in agent:
        return _("安卓手机")
    if "iPhone" in agent or "iPad" in agent:
        return _("苹果手机")
    systems = {"Windows": "Windows", "Mac OS": "Mac", "Linux": "Linux"}
    found = next((name for word, name in systems.items() if word in agent), "")
    return _("电脑（%(system)s）") % {"system": found} if found else _("别的设备")
