"""Opening a case: the first act, which has no state before it."""

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from access.scope import posts_of
from audit import clock
from audit.context import acting
from casework import one_open_case
from casework.acting import TIMER_KEY, key_reused, key_used_once
from casework.errors import BadCaseData, NotYourTurn, Recused
from casework.models import Case, CaseEvent
from casework.recusal import is_close
from casework.relatives import flags
from families.models import Household, Lead, Person
from flows import calendar, projection
from flows.programmes import PROGRAMMES
from flows.services import version_in_force
from flows.spec import MAY_OPEN


def open_case(
    household: Household,
    programme: str,
    *,
    by: Any,
    key: str,
    beneficiary: Person | None = None,
    words: str = "",
    source: str = Lead.Source.STAFF,
    cause: str = "",
) -> Case:
    """Open a case for a household under the rules in force; the same `key` again returns the same case.

    `beneficiary` is a member of the household, its head by default; `words` is what was said about the need. Raises
    NotYourTurn, Recused, BadCaseData (somebody else's member, an open case of the same programme), BadVersion, KeyReused.
    """
    with key_used_once(), acting(by, reason="open"):
        Household.objects.select_for_update(no_key=True).get(
            pk=household.pk
        )  # of two who press at once, one comes second
        known = CaseEvent.objects.filter(key=key).select_related("case").first()
        if known:
            return _same_opening(known, household, programme, by)
        if key.startswith(TIMER_KEY):
            raise key_reused()
        post = next((p for p in posts_of(by) if p.role in MAY_OPEN and p.reaches(household)), None)
        if post is None:
            raise NotYourTurn(_("只有本村专干、驻村干部或乡镇经办能开案。"))
        beneficiary = beneficiary or household.head
        _check(household, programme, beneficiary, {by.person_key, post.principal_person_key or by.person_key})
        one_open_case.refuse_another(programme, beneficiary, by=by)
        with acting(on_behalf_of=post.principal):
            case = _new_case(household, programme, beneficiary, by, cause, _lead(household, by, words, source))
            case.save()
            CaseEvent.objects.create(
                case=case,
                n=1,
                action="open",
                to_state=case.state,
                by=by,
                by_role=post.role,
                on_behalf_of_id=post.principal_id,
                person_key=by.person_key,
                reason=words,
                key=key,
                business_date=case.opened_on,
            )
            projection.open_process(case.pk, programme, case.state)
            flags.raise_for_households([household.pk], by=by)
        return case


def _same_opening(event: CaseEvent, household: Household, programme: str, by: Any) -> Case:
    case = event.case
    if (event.action, event.by_id, case.household_id, case.programme) != ("open", by.pk, household.pk, programme):
        raise key_reused()
    return case


def _lead(household: Household, by: Any, words: str, source: str) -> Lead:
    return Lead.objects.create(
        household=household,
        village_id=household.village_id,
        source=source,
        words=words or _("工作人员走访时发现"),
        reported_by=by,
        reported_on=clock.today(),
    )


def _new_case(household: Household, programme: str, beneficiary: Person, by: Any, cause: str, lead: Lead) -> Case:
    today = clock.today()
    version = version_in_force(programme, today)
    spec = PROGRAMMES[programme]
    case = Case(
        case_no=_next_number(today.year),
        programme=programme,
        version=version,
        household=household,
        household_no=household.household_no,
        head_name=household.head_name,
        beneficiary=beneficiary,
        lead=lead,
        cause=cause,
        state=spec.initial,
        turn_role=spec.turn(spec.initial),
        due_on=calendar.add(today, version.rules.deadline(spec.initial)),
        opened_on=today,
        opened_by=by,
        acts=1,
    )
    case.place_in(household.village)
    return case


def _check(household: Household, programme: str, beneficiary: Person, persons: set[str]) -> None:
    if programme not in PROGRAMMES:
        raise BadCaseData(_("没有这一项帮扶。"))
    members = household.members.filter(valid_to__isnull=True)
    if not members.filter(person=beneficiary).exists():
        raise BadCaseData(_("%(name)s 不是这一家的人。") % {"name": beneficiary.name})
    if members.filter(person__person_key__in=persons).exists():
        raise Recused(_("这是你自己家的事，按规定要回避，由别人办。"))
    if is_close(household.pk, sorted(persons)):
        raise Recused(_("你是这家的近亲属，按规定要回避，由别人办。"))


def _next_number(year: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('casework_case_number')")
        return f"{year}-{cursor.fetchone()[0]:06d}"
