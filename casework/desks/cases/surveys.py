"""Surveys for reading: every version, subject by subject, and what changed from one to the next."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from casework.visibility import Sight
from families import survey_form
from families.models import Household, Survey
from funds.money import yuan


def said(kind: str, value: Any) -> str:
    """An answer in words: amounts with their unit, persons counted."""
    if value is None:
        return ""
    if kind == "money":
        return _("%(amount)s 元") % {"amount": yuan(int(value))}
    if kind == "count":
        return ngettext("%(n)d 人", "%(n)d 人", int(value)) % {"n": int(value)}
    return str(value)


def versions(household: Household) -> list[Survey]:
    """Newest first, with who surveyed."""
    return list(household.surveys.select_related("surveyor", "second_surveyor").order_by("-version"))


def sheet(survey: Survey, seen: Sight) -> list[dict[str, Any]]:
    """[{title, facts}] of one version for parts/_facts.html, without what the reader may not see."""
    parts = []
    for subject in survey_form.SUBJECTS:
        found = survey_form.answers(subject, survey.facts, seen.hidden)
        facts = [{"label": answer.label, "value": said(answer.kind, answer.value)} for answer in found]
        if subject.code == "members":
            for name, member in survey_form.member_answers(survey.facts, seen.hidden):
                words = _("，").join(f"{answer.label} {said(answer.kind, answer.value)}" for answer in member)
                facts.append({"label": name, "value": words})
        if facts:
            parts.append({"title": subject.title, "code": subject.code, "facts": facts})
    return parts


def changes(before: Survey, after: Survey, seen: Sight) -> list[dict[str, Any]]:
    """The `changes` of parts/_diff_table.html."""
    found = [
        {
            "label": difference.label,
            "before": said(difference.kind, difference.before) if difference.before is not None else None,
            "after": said(difference.kind, difference.after) if difference.after is not None else None,
            "by": after.surveyor.name,
        }
        for difference in survey_form.differences(before.facts, after.facts, seen.hidden)
    ]
    if seen.needs and before.needs_words != after.needs_words:
        found.append(
            {
                "label": _("自己的话"),
                "before": before.needs_words,
                "after": after.needs_words,
                "by": after.surveyor.name,
            }
        )
    return found
