"""Everything that the case page shows, read in a fixed number of queries and cut down to what the reader may see."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from access.roles import Ability
from access.scope import scope
from casework import chain, plans
from casework.acting import possible_actions
from casework.days import day_short
from casework.deliberations import verdict, verdict_words
from casework.desks.cases import story
from casework.desks.cases.forms import BY_THE_SECOND_PERSON
from casework.desks.cases.in_parts import money_page, plan_of
from casework.desks.cases.surveys import said
from casework.desks.cases.turn import next_step, other_acts, turn_of
from casework.desks.chain import strip
from casework.goods import given_to
from casework.links import document_url, picture_url
from casework.models import Case, Measure
from casework.papers import open_for_papers
from casework.preparing import may_prepare
from casework.relatives import gate
from casework.relatives.takers import takers
from casework.relatives.visits import may_record
from casework.relatives.who import keeps_register
from casework.second_person import with_questions
from casework.steps.file import missing_papers
from casework.visibility import Sight, sight
from families import catalogue, survey_form
from flows.chart import chart_of
from flows.states import ROLE_ANYONE
from funds.models import ImprestSpend


def page_of(case: Case, user: Any) -> dict[str, Any]:
    """The context of templates/cases/detail.html."""
    seen = sight(user, case)
    edges = [found for found in possible_actions(case, user) if found[0].action not in BY_THE_SECOND_PERSON]
    events = story.events_of(case)
    notices = list(case.notices.prefetch_related("objections").order_by("-pk"))
    running = next((notice for notice in notices if notice.ended_on is None), None)
    plan = plan_of(case)
    step = next_step(case, user, edges, events, plan)
    turn = turn_of(case, user, edges, events, running, step, plan)
    papers = list(case.papers.select_related("document", "document__added_by").order_by("pk"))
    measures = list(case.measures.all())
    return (
        {
            "case": case,
            "sight": seen,
            "rules": case.rules,
            "programme_title": case.spec.title,
            "turn": turn,
            "barred": next((why_not for _edge, why_not in edges if why_not), "") if step is None else "",
            "others": other_acts(case, edges, step, plan),
            "can_object": any(ROLE_ANYONE in edge.roles for edge in case.spec.actions(case.state)),
            "prepares": may_prepare(case, user),
            "takes_papers": may_prepare(case, user) and open_for_papers(case),
            "strip": story.strip(case, events, plan),
            "chain": strip(chain.of_case(case), user, case, sees_family=seen.family)
            if case.approved_digest or case.tier == "T0"
            else [],
            "timeline": story.timeline(case, events, seen, turn if case.is_open else None, plan),
            "measures": [measure for measure in measures if measure.state != Measure.State.DROPPED],
            "plan": plans.progress(case, measures),
            "handed_out": list(
                ImprestSpend.objects.filter(subject=case.subject)
                .select_related("payer_one", "payer_two")
                .prefetch_related(with_questions())
                .order_by("id")
            ),
            "goods": given_to(case),
            "sees_slips": scope(user, Ability.STOCK_VIEW).covers(case),
            "notices": notices,
            "sessions": _sessions(case),
            "papers": [paper_tile(row.document, row.kind) for row in papers if seen.shows_paper(row.kind)],
            "missing": missing_now(case),
            "survey_facts": survey_facts(case, seen),
            "visits": list(case.visits.select_related("visitor")) if seen.needs else [],
            "chart": chart_of(case.spec, now=case.state, been={event.to_state for event in events} - {case.state}),
            "family_url": reverse("cases:family", args=[case.household_id]) if seen.family else "",
            "cause_title": catalogue.title(catalogue.CAUSES, case.cause) if case.cause else "",
        }
        | money_page(case, user, plan, events, papers)
        | _relatives(case, user)
    )


def _relatives(case: Case, user: Any) -> dict[str, Any]:
    """Whose close relatives the family are, and who takes the case on: one query where they are nobody's."""
    found = gate.standing(case)
    if found["relative_flags"]:
        found |= {
            "takers": takers(case),
            "may_visit": may_record(case, user),
            "keeps_register": keeps_register(user),
        }
    return found


def _sessions(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "row": session,
            "verdict": verdict_words(verdict(session, case)),
            "passed": verdict(session, case) == "passed",
            "recused": "；".join(session.recused),
        }
        for session in case.deliberations.select_related("recorded_by").order_by("-round")
    ]


def paper_tile(document: Any, kind: str) -> dict[str, Any]:
    """The `photo` of parts/_photo.html; only images without whole numbers are drawn."""
    title = catalogue.title(catalogue.DOCUMENTS, kind)
    when = document.taken_on or document.added_on
    return {
        "title": document.title or title,
        "note": _("%(day)s，%(who)s") % {"day": day_short(when), "who": document.added_by.name},
        "url": picture_url(document),
        "href": document_url(document),
        "icon": "document",
        "alt": _("打开：%(title)s") % {"title": title},
    }


def missing_now(case: Case) -> list[str]:
    """Papers that the next act of preparing will ask for."""
    for action in ("register", "submit_makeup", "submit", "resubmit"):
        if (case.state, action) in case.spec.table:
            return missing_papers(case, action if case.rules.documents.get(action) else "register")
    return []


def survey_facts(case: Case, seen: Sight) -> list[dict[str, Any]]:
    """The survey's answers that decide, as far as the reader may see them."""
    if case.survey is None or not seen.family:
        return []
    facts, found = case.survey.facts, []
    names = ("household_size", "causes", "cause_words", "medical_fen", "debt_fen", "house", "house_safe", "self_care")
    subject = survey_form.Subject("", "", "", tuple(survey_form.FIELDS[name] for name in names))
    for answer in survey_form.answers(subject, facts, seen.hidden):
        found.append({"label": answer.label, "value": said(answer.kind, answer.value)})
    income_fen = survey_form.total_income_fen(facts)
    if income_fen is not None and survey_form.MEANS not in seen.hidden:
        found.insert(1, {"label": _("年收入"), "value": said("money", income_fen)})
    return found
