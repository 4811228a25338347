"""Two versions of a survey, every answer beside the other."""

from typing import Any

from django.utils.translation import gettext as _

from casework.desks.cases.surveys import said
from casework.visibility import Sight
from families import survey_form
from families.models import Survey


def chosen(versions: list[Survey], asked: Any) -> tuple[Survey | None, Survey | None]:
    """(before, after): those asked for by number, the older first; else the newest and the one before it."""
    by_version = {str(survey.version): survey for survey in versions}
    pair = [by_version.get(asked.get(name, "")) for name in ("from", "to")]
    if None in pair:
        pair = [versions[1] if len(versions) > 1 else None, versions[0] if versions else None]
    elif pair[0].version > pair[1].version:
        pair.reverse()
    return pair[0], pair[1]


def laid_side_by_side(before: Survey | None, after: Survey, seen: Sight) -> list[dict[str, Any]]:
    """[{title, rows: [{label, before, after, differs}]}], subject by subject, without what the reader may not see."""
    parts = []
    for subject in survey_form.SUBJECTS:
        old, new = (_answers(subject, survey, seen) for survey in (before, after))
        labels = dict.fromkeys([*old, *new])
        rows = [
            {
                "label": label,
                "before": old.get(label),
                "after": new.get(label),
                "differs": old.get(label) != new.get(label),
            }
            for label in labels
        ]
        if rows:
            parts.append({"title": subject.title, "rows": rows})
    if seen.needs:
        words = [survey.needs_words if survey is not None else None for survey in (before, after)]
        row = {"label": _("自己的话"), "before": words[0], "after": words[1], "differs": words[0] != words[1]}
        parts.append({"title": _("他们自己的话"), "rows": [row]})
    return parts


def _answers(subject: survey_form.Subject, survey: Survey | None, seen: Sight) -> dict[str, str]:
    if survey is None:
        return {}
    found = {
        str(answer.label): said(answer.kind, answer.value)
        for answer in survey_form.answers(subject, survey.facts, seen.hidden)
    }
    if subject.code == "members":
        for name, member in survey_form.member_answers(survey.facts, seen.hidden):
            found |= {f"{name}：{answer.label}": said(answer.kind, answer.value) for answer in member}
    return found
