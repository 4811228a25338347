"""Putting a list up where people see it, approving it with its money, and cancelling it before it is paid."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from access import confirming
from access.models import OrgUnit
from access.scope import posts_of
from audit import clock
from audit.bulk import write_history
from audit.context import acting
from casework import limits, recusal
from casework.errors import ApprovalVoid, BadCaseData, CaseworkError, NotYourTurn, TooEarly, WrongState
from casework.rosters import building, findings, signing
from casework.rosters.models import Roster, RosterLine
from casework.rosters.signing import APPROVES
from flows import calendar
from funds import bulk, ledger
from funds import services as funds
from funds.models import Reservation


def digest(roster: Roster) -> str:
    """SHA-256 of the lines as they stand: number, household, the person and her name, the account with its number and its
    holder's name, amount. PostgreSQL computes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT casework_roster_digest(%s)", [roster.pk])
        return cursor.fetchone()[0]


@transaction.atomic
def put_up(roster_id: int, *, place: str, by: Any) -> Roster:
    """Write down that the list hangs where people see it, from today until its notice ends. A list that changes afterwards
    is put up anew.

    Raises BadCaseData while something forbids the approval.
    """
    roster = building.locked_draft(roster_id, by=by)
    _refuse_findings(roster)
    if not place.strip():
        raise BadCaseData(_("请写明贴在哪里。"))
    roster.posted_on, roster.posted_place, roster.posted_digest = clock.today(), place.strip(), digest(roster)
    roster.notice_ends_on = calendar.add(roster.posted_on, roster.rules.notice)
    with acting(by, reason="put_up_roster"):
        roster.save()
    return roster


def _refuse_findings(roster: Roster) -> None:
    found = findings.counts(roster)
    if found:
        raise BadCaseData(
            _("名册里还有要改的：%(found)s。请逐行改好，或写明原因。")
            % {"found": _("、").join(f"{findings.FINDINGS[code].title} {n}" for code, n in found.items())}
        )


def why_not(roster: Roster, user: Any) -> str:
    """ "" when this person may approve the list now as far as persons and days go, else the sentence why not."""
    try:
        _demand_person_and_day(roster, user)
    except CaseworkError as refusal:
        return str(refusal)
    return ""


def _demand_person_and_day(roster: Roster, by: Any) -> None:
    """Raises NotYourTurn, SecondDuty, Recused, TooEarly, WrongState for a list without rules."""
    signing.demand_approver(roster, by)
    recusal.refuse_own_list(roster, by)
    if roster.version_id is None:
        raise WrongState(_("这份名册编制的时候还没有规则，请作废以后重新编。"))
    if not roster.rules.notice.days:
        return
    if roster.notice_ends_on is None:
        raise TooEarly(_("要先张榜公示，期满才能批准。"))
    if clock.today() <= roster.notice_ends_on:
        raise TooEarly(_("公示到 %(day)s 24 点，第二天起才能批准。") % {"day": roster.notice_ends_on.isoformat()})


@transaction.atomic
def approve(roster_id: int, *, by: Any, progress: Callable[[int], None] = lambda done: None) -> Roster:
    """Sign for the lines as they stand and reserve their money, one reservation a line.

    What is paid to one provider is one reservation: the insurer is paid the list's sum in one payment, as its invoice
    says, and a payment has one reservation.
    Raises NotYourTurn, SecondDuty, Recused, TooEarly, ApprovalVoid, BadCaseData, FundShort, NoFund.
    """
    roster = Roster.objects.select_for_update().get(pk=roster_id)
    if roster.state == Roster.State.APPROVED and roster.approved_by_id == by.pk:
        return roster  # pressed twice
    if not roster.is_draft:
        raise WrongState(_("名册已经%(state)s，不能再批准。") % {"state": roster.get_state_display()})
    _demand_person_and_day(roster, by)
    confirming.demand(confirming.Kind.APPROVE)
    now = digest(roster)
    if roster.rules.notice.days and roster.posted_digest != now:
        raise ApprovalVoid(_("张榜以后名册改过，请乡镇经办重新张榜，期满再批。"))
    limits.wait_for_cases(roster)
    _refuse_findings(roster)
    lines = roster.lines.filter(state=RosterLine.State.ON)
    amounts = list(lines.values_list("amount_fen", flat=True))
    if not amounts:
        raise BadCaseData(_("名册里一个人也没有。"))
    roster.state, roster.approved_by, roster.approver_person_key = Roster.State.APPROVED, by, by.person_key
    roster.approved_on, roster.approved_digest = clock.today(), now
    roster.line_count, roster.total_fen = len(amounts), sum(amounts)
    with acting(by, reason="approve_roster"):
        roster.save()
        signing.sign_all(roster, by=by)
        if roster.channel == Roster.Channel.PROVIDER:
            funds.reserve(
                subject=roster.subject,
                key=roster.subject,
                programme=roster.kind,
                village=roster.village,
                amount_fen=roster.total_fen,
            )
        else:
            bulk.reserve_many(_wanted(roster), programme=roster.kind, progress=progress)
        ledger.settle_now()
    return roster


def _wanted(roster: Roster) -> Iterator[bulk.Wanted]:
    rows = roster.lines.filter(state=RosterLine.State.ON).order_by("n")
    villages: dict[int, OrgUnit] = {}
    columns = rows.values_list("n", "village_id", "amount_fen", "person_id", "person__person_key")
    for n, village_id, amount_fen, person_id, person_key in columns.iterator(chunk_size=bulk.SET):
        if village_id not in villages:
            villages[village_id] = OrgUnit.objects.get(pk=village_id)
        yield bulk.Wanted(
            f"{roster.subject}:{n}",
            villages[village_id],
            amount_fen,
            person_key=limits.key_of_person(person_id, person_key),
        )


@transaction.atomic
def cancel(roster_id: int, *, reason: str, by: Any) -> Roster:
    """End a list of which nothing was paid or is being paid: the money is free, its people may come onto another.

    Raises NotYourTurn, WrongState, WrongPaymentState.
    """
    roster = Roster.objects.select_for_update().get(pk=roster_id)
    role = building.PREPARES if roster.is_draft else APPROVES
    if not any(post.role == role and post.reaches(roster) for post in posts_of(by)):
        raise NotYourTurn(_("没有批准的由乡镇经办作废，批准了的由乡镇审批作废。"))
    if roster.state == Roster.State.CANCELLED:
        return roster
    if not reason.strip():
        raise BadCaseData(_("请写明为什么作废。"))
    held = Reservation.objects.filter(key__startswith=f"{roster.subject}:") | Reservation.objects.filter(
        key=roster.subject
    )
    if held.filter(payments__state="credited").exists():
        raise WrongState(_("有人已经收到钱，不能整份作废。没付的请逐行停发。"))
    with acting(by, reason=reason):
        bulk.release_many(list(held.order_by("pk").values_list("pk", flat=True)), reason=reason)
        roster.state, roster.cancelled_on, roster.cancel_reason = Roster.State.CANCELLED, clock.today(), reason.strip()
        roster.save()
        ids = list(roster.lines.filter(state=RosterLine.State.ON).order_by("pk").values_list("pk", flat=True))
        roster.lines.filter(pk__in=ids).update(state=RosterLine.State.OUT, out_reason=reason.strip())
        write_history(RosterLine, ids, "~")
        ledger.settle_now()
    return roster


@transaction.atomic
def stop_line(line: RosterLine, *, reason: str, by: Any) -> None:
    """What a line still holds goes back: the person has died, moved or is helped otherwise. The list stays as approved."""
    roster = Roster.objects.select_for_update().get(pk=line.roster_id)
    if not any(post.role == APPROVES and post.reaches(roster) for post in posts_of(by)):
        raise NotYourTurn(_("停发由乡镇审批办。"))
    recusal.refuse_own_line(line, by)
    reservation = funds.held_reservation(line.key)
    if reservation is None:
        raise WrongState(_("这一行没有锁定的钱。"))
    if not reason.strip():
        raise BadCaseData(_("请写明为什么停发。"))
    with acting(by, reason=reason):
        funds.release(reservation, reason=reason)
        ledger.settle_now()
