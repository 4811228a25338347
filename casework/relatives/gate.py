"""What an act of a flagged case waits for: the steps of casework/steps/relatives.py, and what pages say about them."""

from typing import Any

from django.utils.translation import gettext as _

from casework.digests import approval_digest
from casework.errors import MissingDocuments, WaitsForReview
from casework.models import Case, RelativeFlag
from casework.relatives.flags import open_flags

REDONE = ("resubmit", "submit_makeup")


def go_up(case: Case, flags: list[RelativeFlag]) -> None:
    """A flagged case is decided higher up from now on. Signatures given so far cover what they covered: nothing but the
    number of signatures changes, so they stand, and one more is asked for."""
    if not flags or case.has_conflict:
        return
    stood = bool(case.approved_digest) and case.approved_digest == approval_digest(case)
    case.has_conflict = True
    if case.tier:
        case.tier = case.rules.tier_for_relatives(case.tier)
    if stood:
        case.approved_digest = approval_digest(case)


def demand_reviewed(case: Case, flags: list[RelativeFlag]) -> None:
    """Raises WaitsForReview while nobody one tier up has looked at what a relative had done, or it is to be done again."""
    for flag in flags:
        if flag.waits_for_review:
            raise WaitsForReview(
                _("%(name)s 是这家的近亲属，以前办过的步骤要先由%(who)s看过，写下能不能算。")
                % {"name": flag.person_name, "who": reviewers_words(flag)}
            )
        if flag.verdict == RelativeFlag.Verdict.REDO and not _was_redone(case, flag):
            raise WaitsForReview(
                _("上一级看过了，要求重办：%(words)s 请退回补正，换人重新办。") % {"words": flag.review_words}
            )


def demand_visited(case: Case, flags: list[RelativeFlag], to_state: str) -> None:
    """Raises MissingDocuments where the act would decide money and the county has not been there."""
    if not flags or to_state not in ("fund_reserved", "paid", "county_countersign"):
        return
    if case.rules.relatives_visited and not case.home_checks.exists():
        raise MissingDocuments(
            _("这家是工作人员的近亲属，县里要先入户核查，写下核查记录，才能定。"), [_("县级入户核查记录")]
        )


def reviewers_words(flag: RelativeFlag) -> str:
    """Who looks at it, in words: above the township's people the county, above the village's the township."""
    return _("乡镇审批或县里") if flag.source != RelativeFlag.Source.APPLICANT else _("乡镇或县里")


def _was_redone(case: Case, flag: RelativeFlag) -> bool:
    return case.events.filter(action__in=REDONE, n__gt=flag.reviewed_at_act).exists()


def standing(case: Case) -> dict[str, Any]:
    """What the case's pages say of it: the flags, whether the county was there, what is waited for."""
    flags = open_flags(case)
    visits = list(case.home_checks.select_related("visitor")) if flags else []
    return {
        "relative_flags": flags,
        "home_checks": visits,
        "wants_visit": bool(flags) and case.spec.has_money and case.rules.relatives_visited and not visits,
    }
