"""What a decision rests on, ready for the page: the family, the village's opinion, the papers, what changed since the return.

A handful of queries for one case; the whole story is one link away, on the case page.
"""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from access.roles import title_of
from casework.days import day_short
from casework.desks.cases.story import around_now
from casework.links import document_url, picture_url
from casework.models import Case, CaseEvent, PublicNotice
from casework.visibility import Sight
from families import catalogue, survey_form
from families.models import HelpReceived, Survey
from flows.states import ACTIONS, STATES
from funds.models import Provider
from funds.money import yuan

# The way as the township tells it: (states that belong to the step, its name)
_STEPS = (
    (("lead", "triaged", "draft"), gettext_lazy("入户调查")),
    (("registered",), gettext_lazy("登记")),
    (("village_review",), gettext_lazy("村民评议")),
    (("village_notice", "objection"), gettext_lazy("公示")),
    (("township_review",), gettext_lazy("乡镇审核")),
    (("township_decision",), pgettext_lazy("state", "乡镇审批")),
    (("county_review", "appeal"), gettext_lazy("县级审核")),
    (("county_decision", "county_countersign"), gettext_lazy("县级确认")),
    (("fund_reserved",), gettext_lazy("资金锁定")),
    (("in_payment", "payment_returned", "between_payments", "suspended"), gettext_lazy("拨付")),
    (("paid", "follow_up", "exit_review", "exit_notice", "closed"), gettext_lazy("回访")),
)


def events_of(case: Case) -> list[CaseEvent]:
    """The acts of a case, oldest first, with the people who took them."""
    return list(case.events.select_related("by", "on_behalf_of").order_by("n"))


def strip(case: Case, events: list[CaseEvent]) -> list[dict[str, Any]]:
    """The steps of this case's way with the day each was left; the county is left out where it has no part."""
    left = {event.from_state: day_short(event.business_date) for event in events if event.to_state != event.from_state}
    returned = sum(event.to_state == "returned" for event in events)
    reached, steps = False, []
    for states, title in _STEPS:
        if not set(states) & set(case.spec.states) or (case.tier in ("T0", "T1") and "county_review" in states):
            continue
        if case.tier in ("T0", "T1") and "county_decision" in states:
            continue
        is_now = case.state in states
        note = next((left[state] for state in reversed(states) if state in left), "")
        if is_now:
            note = ngettext("退回 %(n)d 次", "退回 %(n)d 次", returned) % {"n": returned} if returned else ""
        steps.append({"label": title, "note": "" if reached else note, "state": "now" if is_now else "next" * reached})
        reached = reached or is_now
    return around_now(steps)


def visits(case: Case) -> list[dict[str, Any]]:
    """What was found at the door after the help, for whoever decides whether the case is over; the newest first."""
    paid = case.visits.filter(visited_on__isnull=False).select_related("visitor").order_by("-visited_on", "-pk")
    return [
        {
            "label": day_short(visit.visited_on),
            "value": _("「%(words)s」") % {"words": visit.words} if visit.words else _("去过了"),
            "note": _("，").join(
                filter(
                    None,
                    (visit.visitor.name, _("满意 %(n)d 分") % {"n": visit.satisfaction} if visit.satisfaction else ""),
                )
            ),
        }
        for visit in paid
    ]


def family(case: Case, sight: Sight) -> list[dict[str, Any]]:
    """The survey's main facts as far as the reader may see them, the person and the account, masked."""
    facts = []
    if case.survey:
        found = case.survey.facts
        for answer in survey_form.answers(_MAIN_FACTS, found, sight.hidden):
            label = _SHORT.get(answer.name, answer.label)
            facts.append({"label": label, "value": _said(answer), "number": answer.kind in ("money", "count")})
        income_fen = survey_form.total_income_fen(found)
        if income_fen is not None and survey_form.MEANS not in sight.hidden:
            facts.append({"label": _("年收入"), "value": _income_words(income_fen, found), "number": True})
        if sight.needs:
            facts.append({"label": _("自己的话"), "value": _("「%(words)s」") % {"words": case.survey.needs_words}})
    beneficiary = case.beneficiary
    facts.append({"label": _("受益人"), "value": f"{beneficiary.name} {beneficiary.id_masked}".strip()})
    if case.provider:
        facts.append({"label": _("付给"), "value": provider_words(case.provider), "number": True})
    elif case.payee_account:
        account = case.payee_account
        words = f"{account.holder.name} {account.bank} {account.masked}"
        facts.append({"label": _("付给"), "value": words, "number": True})
    return facts


def provider_words(provider: Provider) -> str:
    """A payee that is no family: its name, what it is, its bank and the end of its account."""
    return f"{provider.name}（{provider.get_kind_display()}）{provider.bank} **** {provider.account_last4}"


# What decides most cases; the whole survey is on the case page.
_MAIN_FACTS = survey_form.Subject(
    "main",
    "",
    "",
    tuple(
        survey_form.FIELDS[name]
        for name in (
            "household_size",
            "causes",
            "cause_words",
            "medical_fen",
            "schooling_fen",
            "debt_fen",
            "house_safe",
        )
    ),
)


# The survey asks in questions; a list of facts wants a word.
_SHORT = {
    "household_size": gettext_lazy("人口"),
    "causes": gettext_lazy("原因"),
    "medical_fen": gettext_lazy("自付医疗"),
    "schooling_fen": gettext_lazy("上学花费"),
}


def _said(answer: survey_form.Answer | survey_form.Difference, value: Any = None) -> str:
    value = answer.value if value is None else value
    if answer.kind == "money":
        return _("%(amount)s 元") % {"amount": yuan(int(value))}
    if answer.kind == "count":
        return ngettext("%(n)d 人", "%(n)d 人", int(value)) % {"n": int(value)}
    return str(value)


def _income_words(income_fen: int, facts: dict[str, Any]) -> str:
    size = facts.get("household_size")
    if not size:
        return _("%(amount)s 元") % {"amount": yuan(income_fen)}
    return _("%(amount)s 元，人均 %(each)s 元") % {"amount": yuan(income_fen), "each": yuan(income_fen // size)}


def village_opinion(case: Case, events: list[CaseEvent]) -> list[dict[str, Any]]:
    """Who surveyed, how the villagers voted, how long it hung on the board, who signed."""
    facts = []
    if case.survey:
        facts.append(
            {
                "label": _("调查"),
                "value": _("%(a)s、%(b)s，%(day)s")
                % {
                    "a": case.survey.surveyor,
                    "b": case.survey.second_surveyor,
                    "day": day_short(case.survey.surveyed_on),
                },
            }
        )
    session = case.deliberations.order_by("round").last()
    if session:
        words = _("到 %(present)d 人，同意 %(for)d，反对 %(against)d，弃权 %(abstain)d") % {
            "present": session.present_count,
            "for": session.votes_for,
            "against": session.votes_against,
            "abstain": session.votes_abstain,
        }
        facts.append({"label": _("评议"), "value": words, "note": _("；").join(session.recused)})
    for notice in case.notices.filter(kind=PublicNotice.Kind.VILLAGE).order_by("round").prefetch_related("objections"):
        facts.append({"label": _("公示"), "value": _notice_words(notice)})
        for objection in notice.objections.all():
            facts.append({"label": _("异议"), "value": objection.words, "note": objection.answer})
    signed = next((event for event in reversed(events) if event.action == "endorse"), None)
    if signed:
        facts.append(
            {"label": _("村里"), "value": _("同意上报，%(name)s") % {"name": signed.by}, "note": signed.reason}
        )
    return facts


def _notice_words(notice: PublicNotice) -> str:
    outcome = {"clear": _("没有异议"), "objected": _("有异议")}.get(notice.outcome, _("还在公示"))
    return _("%(from)s到%(to)s，%(outcome)s") % {
        "from": day_short(notice.starts_on),
        "to": day_short(notice.ends_on),
        "outcome": outcome,
    }


def signatures(case: Case, events: list[CaseEvent]) -> list[dict[str, Any]]:
    """What the steps before this one have signed, and their words; returns, refusals and appeals, too."""
    told = [
        "check",
        "approve",
        "review",
        "confirm",
        "countersign",
        "return",
        "refuse",
        "appeal",
        "uphold_objection",
        "dismiss_objection",
        "propose_exit",
        "emergency_release",
        "send_back",
    ]
    return [
        {
            "label": ACTIONS[event.action].done,
            "value": f"{event.by or _('系统')} · {title_of(event.by_role)}",
            "note": f"{day_short(event.business_date)} {event.reason}".strip(),
        }
        for event in events
        if event.action in told
    ]


def papers(case: Case, sight: Sight) -> list[dict[str, Any]]:
    """The photos and papers that were handed in for the case, newest last."""
    shown = []
    for paper in case.papers.select_related("document").order_by("id"):
        if not sight.shows_paper(paper.kind):
            continue
        document = paper.document
        title = catalogue.title(catalogue.DOCUMENTS, paper.kind)
        shown.append(
            {
                "title": title,
                "note": document.title or day_short(paper.added_on),
                "url": picture_url(document),
                "href": document_url(document),
                "icon": "document",
                "alt": _("打开：%(title)s") % {"title": title},
            }
        )
    return shown


def earlier_help(case: Case) -> list[dict[str, Any]]:
    """What the family had before: cases of this system and what the survey or the ledger brought in."""
    cases = (
        Case.objects.filter(household_id=case.household_id)
        .filter(Q(is_open=True) | Q(state="closed"))
        .exclude(pk=case.pk)
        .order_by("-opened_on")[:10]
    )
    found = [
        {
            "label": other.spec.title,
            "value": _("%(amount)s 元") % {"amount": yuan(other.amount_fen)} if other.amount_fen else _("不涉及钱"),
            "note": f"{STATES[other.state].title} · {day_short(other.opened_on)} · {other.case_no}",
        }
        for other in cases
    ]
    for before in HelpReceived.objects.filter(household_id=case.household_id).order_by("-last_on")[:10]:
        amount = _("%(amount)s 余元") if before.is_lower_bound else _("%(amount)s 元")
        found.append(
            {
                "label": before.source_title,
                "value": amount % {"amount": yuan(before.amount_fen)},
                "note": day_short(before.last_on),
            }
        )
    return found


def changes_since_return(case: Case, events: list[CaseEvent], sight: Sight) -> dict[str, Any] | None:
    """What differs between the file that was sent back and the one that lies here; None when it never was.

    The file as it was comes from history: the case's own row of that act, the survey version it named, the papers of the time.
    """
    returned = next((event for event in reversed(events) if event.to_state == "returned"), None)
    if returned is None or case.state == "returned":
        return None
    again = next((event for event in events if event.n > returned.n and event.action == "resubmit"), None)
    before = case.history.filter(id=case.pk, acts=returned.n).order_by("history_id").first()
    if before is None:
        return None
    rows = _survey_changes(case, before.survey_id, sight)
    by = again.by if again else None
    if before.amount_fen != case.amount_fen:
        rows.append(
            {
                "label": _("帮扶金额"),
                "before": _("%(amount)s 元") % {"amount": yuan(before.amount_fen)},
                "after": _("%(amount)s 元") % {"amount": yuan(case.amount_fen)},
                "by": by,
            }
        )
    if before.payee_account_id != case.payee_account_id:
        old = case.household.accounts.filter(pk=before.payee_account_id).first()
        new = case.payee_account
        rows.append(
            {
                "label": _("收款账户"),
                "before": old.masked if old else "",
                "after": new.masked if new else "",
                "by": new.recorded_by if new else None,
            }
        )
    if before.provider_id != case.provider_id:
        old_provider = Provider.objects.filter(pk=before.provider_id).first()
        rows.append(
            {
                "label": _("收款单位"),
                "before": provider_words(old_provider) if old_provider else "",
                "after": provider_words(case.provider) if case.provider else "",
                "by": by,
            }
        )
    rows += _new_papers(case, returned)
    return {"returned": returned, "again": again, "rows": rows}


def _survey_changes(case: Case, before_id: int | None, sight: Sight) -> list[dict[str, Any]]:
    if case.survey is None or before_id in (None, case.survey_id):
        return []
    before, after = Survey.objects.get(pk=before_id), case.survey
    changed = [
        (found.label, _shown(found, found.before), _shown(found, found.after))
        for found in survey_form.differences(before.facts, after.facts, sight.hidden)
    ]
    if before.needs_words != after.needs_words and sight.needs:
        changed.append((_("自己的话"), before.needs_words, after.needs_words))
    return [
        {"label": label, "before": was, "after": now, "by": after.surveyor, "reason": after.change_reason}
        for label, was, now in changed
    ]


def _shown(found: survey_form.Difference, value: Any) -> str | None:
    return None if value is None else _said(found, value)


def _new_papers(case: Case, returned: CaseEvent) -> list[dict[str, Any]]:
    """Papers that were handed in after the return, one line a kind."""
    history = case.papers.model.history.filter(
        id__in=case.papers.values("pk"), history_type="+", history_date__gt=returned.recorded_at
    )
    counts: dict[str, int] = {}
    for _id, kind in set(history.values_list("id", "kind")):
        counts[kind] = counts.get(kind, 0) + 1
    return [
        {
            "label": catalogue.title(catalogue.DOCUMENTS, kind),
            "before": None,
            "after": ngettext("新交 %(n)d 份", "新交 %(n)d 份", n) % {"n": n},
            "by": None,
        }
        for kind, n in counts.items()
    ]
