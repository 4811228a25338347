"""When somebody of a family dies or moves away: who may write it down, what stops then, who may take it back.

    what_stops(household, person, died=True)     sentences, before it is confirmed
    record_death(member, died_on=…, known_by="paper", paper=None, by=clerk)

The help that is paid in parts is ended by the system as soon as the outbox is read, and by the hourly timer
(casework.timers); that nothing more is paid to the dead is held wherever money goes out (casework.guards, steps.payment).
"""

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.context import acting
from casework import papers
from casework.models import Case
from casework.parts import GOING_ON
from casework.preparing import post_at
from casework.rosters.models import Roster, RosterLine
from families import services as families
from families.models import Household, HouseholdMember, Person
from flows.programmes.parts import SURVEYORS
from funds import instalments
from funds import services as funds
from funds.models import Payment
from funds.money import yuan
from jobs import outbox

RECORDERS = (*SURVEYORS, "township_clerk")
# Taking it back lets money go out again: that is for the township, which checks what the village writes.
CORRECTORS = ("township_clerk",)


def record_death(
    member: HouseholdMember, *, died_on: datetime.date, known_by: str, by: Any, paper: UploadedFile | None = None
) -> Person:
    """Write down a death, with a picture of its paper where there is one. Raises NotYourTurn, Recused, PersonRefused, BadUpload."""
    with _working_on(member.household, by, RECORDERS):
        person = families.record_death(member.person, died_on=died_on, known_by=known_by, by=by)
        if paper:
            papers.add_family_paper(member.household, paper, kind="death_paper", by=by)
        _promise_the_end(person, person.history.latest("history_id").pk)
        return person


def take_back_death(member: HouseholdMember, *, reason: str, by: Any) -> Person:
    """Raises NotYourTurn, Recused, PersonRefused, ReasonNeeded. Help that has ended meanwhile is applied for anew."""
    with _working_on(member.household, by, CORRECTORS):
        return families.take_back_death(member.person, reason=reason, by=by)


def record_departure(member: HouseholdMember, *, left_on: datetime.date, reason: str, by: Any) -> HouseholdMember:
    """Write down that somebody left the household for good. Raises NotYourTurn, Recused, PersonRefused, ReasonNeeded."""
    with _working_on(member.household, by, RECORDERS):
        member = families.record_departure(member, left_on=left_on, reason=reason, by=by)
        _promise_the_end(member.person, member.history.latest("history_id").pk)
        return member


def take_back_departure(member: HouseholdMember, *, reason: str, by: Any) -> HouseholdMember:
    """Raises NotYourTurn, Recused, PersonRefused, ReasonNeeded."""
    with _working_on(member.household, by, CORRECTORS):
        return families.take_back_departure(member, reason=reason, by=by)


@contextlib.contextmanager
def _working_on(household: Household, by: Any, roles: tuple[str, ...]) -> Iterator[None]:
    post = post_at(household, by, roles)
    with transaction.atomic(), acting(by, on_behalf_of=post.principal):
        yield


def _promise_the_end(person: Person, entry: int) -> None:
    outbox.put("person.gone", key=f"gone:{person.pk}:{entry}", payload={"person": person.pk})


# ---------------------------------------------------------------- what it means, before it is confirmed


def what_stops(household: Household, person: Person, *, died: bool) -> list[str]:
    """Everything under way that a death or a move away touches, a sentence each; [] when there is nothing."""
    found: list[str] = []
    touched = Q(beneficiary=person) | Q(payee_account__holder=person, provider__isnull=True)
    for case in Case.objects.filter(touched, household=household, is_open=True).order_by("pk"):
        told = list(_of_a_case(case, person, died=died))
        found += [f"{case.spec.title} {case.case_no}{_('：')}{words}" for words in told]
    lines = RosterLine.objects.filter(person=person, household=household, state=RosterLine.State.ON)
    for line in lines.exclude(roster__state=Roster.State.CANCELLED).select_related("roster").order_by("pk"):
        found.append(
            _("名册《%(title)s》第 %(n)d 行：还没有发的不能发，由乡里移出或者停发。")
            % {"title": line.roster.title, "n": line.n}
        )
    return found


def _of_a_case(case: Case, person: Person, *, died: bool) -> Iterator[str]:
    reservation = funds.held_reservation(case.subject)
    if case.state in GOING_ON and case.beneficiary_id == person.pk:
        rest = instalments.open_parts(reservation) if reservation else []
        yield ngettext(
            "还没有付的 %(n)d 期、一共 %(yuan)s 元不再付，系统自己停。付过的不动。",
            "还没有付的 %(n)d 期、一共 %(yuan)s 元不再付，系统自己停。付过的不动。",
            len(rest),
        ) % {"n": len(rest), "yuan": yuan(sum(part.amount_fen for part in rest))}
        return
    under_way = list(Payment.objects.filter(subject=case.subject, state__in=("listed", "sent", "unknown")))
    for payment in under_way:
        if payment.state == "listed" and died:
            yield _("列在付款批次里的 %(yuan)s 元不能放行，由资金管理移出。") % {"yuan": yuan(payment.amount_fen)}
        elif payment.state != "listed":
            yield _("%(yuan)s 元已经交给银行，收不回来。到账了不该付的，由乡镇审批追回。") % {
                "yuan": yuan(payment.amount_fen)
            }
    if under_way:
        return
    if case.beneficiary_id != person.pk:
        if died:
            yield _("钱要付到 %(name)s 的账户，付不成。请登记家里别人的账户，退回重新审批。") % {"name": person.name}
    elif died:
        yield _("还在办的，不能再付钱：由轮到的人退回、不批，或者改由家里别人申请。")
    else:
        yield _("还在办：由轮到的人看还要不要帮。分期的，不再往下付。")
