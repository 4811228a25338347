"""A case as it was: where it stood, who belonged to the family, what was surveyed, handed in, signed and paid by then."""

from typing import Any

from django.utils.translation import gettext as _

from casework.days import full_day
from casework.desks.history.chained import Chained
from casework.desks.history.moments import Until
from casework.desks.history.of_household import members_section
from casework.desks.history.pictures import Picture, version_at
from casework.desks.history.readers import Names, Reader, account_words, facts_of
from casework.models import Case, CaseDocument, CaseDuty, CaseEvent, Deliberation, Measure, PublicNotice
from families import catalogue
from families.models import BankAccount, Document, Survey
from flows.states import ACTIONS, DUTIES, STATES
from funds.models import Payment, Reservation
from funds.money import yuan

STANDING = (
    *("case_no", "programme", "state", "tier", "turn_role", "due_on", "amount_fen", "cause", "summary", "head_name"),
    *("notice_round", "has_conflict", "makeup_due_on", "opened_on", "opened_by", "closed_on", "approved_digest"),
)


def streams_of(case: Case) -> list[str]:
    return [case.subject]


def picture(reader: Reader, until: Until | None) -> Picture:
    """The case by then. A number of queries that does not grow."""
    case: Case = reader.record
    version, unknown = version_at(Case, case.pk, until)
    found = Picture(unknown=unknown, version=version)
    chained = Chained(streams_of(case), until)
    if version is None:
        return found
    events = chained.written(CaseEvent, "business_date")
    duties = chained.written(CaseDuty, "since")
    names = Names.of(version, *events[-1:], *duties)
    found.add(_("个案"), facts_of(version, reader, names, STANDING) + _last_act(events, names))
    if reader.sight.family:
        found.sections.append(members_section(version.household_id, until, reader))
        _add_survey(found, version)
    _add_account(found, version)
    _add_papers(found, chained, reader)
    if reader.sight.family:
        _add_way(found, chained)
    found.add(_("谁经的手"), [_duty(duty, names) for duty in duties])
    _add_money(found, chained)
    chained.newest(Case)  # its own versions count for stepping, too
    found.last = chained.last
    return found


def _last_act(events: list[CaseEvent], names: Names) -> list[dict[str, Any]]:
    if not events:
        return []
    last = events[-1]
    words = str(ACTIONS[last.action].done) if last.action in ACTIONS else _("开案")
    note = f"{full_day(last.business_date)} · {names.who(last.by_id)}"
    return [
        {"label": _("办过几次"), "value": str(len(events)), "number": True},
        {"label": _("最后一次办理"), "value": words, "note": note},
    ]


def _add_survey(found: Picture, version: Any) -> None:
    survey = Survey.objects.filter(pk=version.survey_id).select_related("surveyor", "second_surveyor").first()
    facts = []
    if survey is not None:
        persons = _("%(first)s、%(second)s 两人入户") % {"first": survey.surveyor, "second": survey.second_surveyor}
        facts = [
            {
                "label": _("第 %(n)d 版") % {"n": survey.version},
                "value": full_day(survey.surveyed_on),
                "note": persons,
            }
        ]
    found.add(_("所用的调查表"), facts)


def _add_account(found: Picture, version: Any) -> None:
    account = BankAccount.objects.filter(pk=version.payee_account_id).select_related("holder").first()
    if account is not None:
        found.add(_("收款账户"), [{"label": account.holder.name, "value": account_words(account)}])


def _add_papers(found: Picture, chained: Chained, reader: Reader) -> None:
    rows = [row for row in chained.newest(CaseDocument) if reader.shows_paper(row.kind)]
    titles = dict(Document.objects.filter(pk__in=[row.document_id for row in rows]).values_list("pk", "title"))
    facts = [
        {
            "label": catalogue.title(catalogue.DOCUMENTS, row.kind),
            "value": full_day(row.added_on),
            "note": titles.get(row.document_id, ""),
        }
        for row in rows
    ]
    found.add(_("交来的材料"), facts)


def _add_way(found: Picture, chained: Chained) -> None:
    """Deliberations, notices and measures, a line each."""
    facts = [
        {
            "label": _("第 %(n)d 次评议") % {"n": row.round},
            "value": _("同意 %(yes)d，反对 %(no)d，弃权 %(none)d")
            % {"yes": row.votes_for, "no": row.votes_against, "none": row.votes_abstain},
            "note": full_day(row.held_on),
        }
        for row in chained.newest(Deliberation)
    ]
    facts += [
        {
            "label": _("第 %(n)d 次公示") % {"n": row.round},
            "value": row.get_outcome_display() or _("公示中"),
            "note": f"{full_day(row.starts_on)} – {full_day(row.ends_on)}",
        }
        for row in chained.newest(PublicNotice)
    ]
    facts += [{"label": row.title, "value": row.get_state_display()} for row in chained.newest(Measure)]
    found.add(_("评议、公示和措施"), facts)


def _duty(duty: CaseDuty, names: Names) -> dict[str, Any]:
    return {
        "label": DUTIES.get(duty.duty, duty.duty),
        "value": names.who(duty.staff_id),
        "note": full_day(duty.since),
    }


def _add_money(found: Picture, chained: Chained) -> None:
    facts = []
    for row in chained.newest(Reservation):
        note = _("已解锁 %(amount)s 元") % {"amount": yuan(row.released_fen)} if row.released_fen else ""
        facts.append({"label": _("资金锁定"), "value": _yuan(row.amount_fen), "note": note})
    payments = chained.newest(Payment)
    for row in payments:
        day = full_day(row.answered_on or row.sent_on or row.listed_on)
        label = _("第 %(n)d 笔付款") % {"n": row.instalment}
        facts.append({"label": label, "value": _yuan(row.amount_fen), "note": f"{row.get_state_display()} {day}"})
    if payments:
        arrived = sum(row.amount_fen for row in payments if row.state == Payment.State.CREDITED)
        facts.append({"label": _("一共到账"), "value": _yuan(arrived)})
    found.add(_("钱"), facts)


def _yuan(amount_fen: int) -> str:
    return _("%(amount)s 元") % {"amount": yuan(amount_fen)}


def title(version: Any) -> str:
    """For the heading: the state in words."""
    return str(STATES[version.state].title) if version.state in STATES else version.state
