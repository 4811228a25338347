"""After the help: visits by a schedule, and the plan of a care case."""

import datetime

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.errors import BadCaseData
from casework.models import FollowUpVisit
from casework.parts import GOING_ON
from casework.steps.payment import plan_visits
from flows import calendar


@before("visit")
def write_down_the_visit(this: Act) -> None:
    """Data: satisfaction (1-5), knew_could_apply, used_as_meant, words, visited_on (ISO date, default today)."""
    data = this.data
    satisfaction = data.get("satisfaction")
    if satisfaction is not None and not 1 <= int(satisfaction) <= 5:
        raise BadCaseData(_("满意程度请选 1 到 5。"))
    visited_on = datetime.date.fromisoformat(data["visited_on"]) if data.get("visited_on") else this.today
    if visited_on > this.today:
        raise BadCaseData(_("回访日期不能晚于今天。"))
    visit = FollowUpVisit.objects.filter(case=this.case, visited_on__isnull=True).order_by("due_on").first()
    visit = visit or FollowUpVisit(case=this.case, due_on=this.today)
    visit.visited_on, visit.visitor = visited_on, this.by
    visit.satisfaction = int(satisfaction) if satisfaction is not None else None
    visit.knew_could_apply, visit.used_as_meant = data.get("knew_could_apply"), data.get("used_as_meant")
    visit.words = data.get("words", "")
    visit.save()
    this.note["visit"] = visit.pk


@after("visit", "keep_open")
def next_visit(this: Act) -> None:
    """After the last visit the exit is due; the day of a visit that was made is nobody's deadline any more.

    While help goes on in parts a visit is beside it: whose turn the next part is, and until when, stays.
    """
    if this.case.state in GOING_ON:
        this.turn_role, this.due_on = this.case.turn_role, this.case.due_on
        return
    following = FollowUpVisit.objects.filter(case=this.case, visited_on__isnull=True).order_by("due_on").first()
    if following is not None:
        this.due_on = following.due_on
    else:
        this.due_on = calendar.add(this.today, this.case.rules.deadline(this.case.state))


@after("approve", "approve_plan", "overturn_refusal")
def visits_of_what_is_agreed(this: Act) -> None:
    """A care plan begins at once; an emergency that is ratified was paid long ago."""
    if this.case.state in ("follow_up", "paid") and not this.case.visits.exists():
        plan_visits(this)
