"""A case that was sent back: where to mend what was asked for, and whether anything has been mended since."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _l

from casework.models import Case, CaseDocument, CaseEvent
from families.models import BankAccount, Survey


@dataclass(frozen=True)
class Place:
    """A page on which something of the file is mended."""

    title: Any
    label: Any
    icon: str
    url: str


PAPERS, SURVEY, ACCOUNT = "papers", "survey", "account"
# Where what somebody asked for is mended; most of what comes back lacks a paper.
_WHERE = {"facts_disagree": SURVEY, "survey_old": SURVEY, "account_wrong": ACCOUNT, "amount_wrong": "", "recusal": ""}


def returned_by(events: list[CaseEvent]) -> CaseEvent | None:
    """The act that sent the case back last."""
    return next((event for event in reversed(events) if event.to_state == "returned"), None)


def places(case: Case) -> dict[str, Place]:
    """Everything of the file that may be mended, by kind."""
    case_page = reverse("cases:detail", args=[case.pk])
    found = {
        PAPERS: Place(_l("按退回说的，补材料"), _l("去拍照"), "camera", reverse("cases:papers", args=[case.pk])),
        SURVEY: Place(
            _l("按退回说的，改调查表"),
            _l("改调查表"),
            "house-check",
            reverse("village:survey_begin", args=[case.household_id]) + f"?case={case.pk}",
        ),
    }
    if case.spec.has_money:
        account = reverse("village:account", args=[case.household_id]) + f"?next={case_page}"
        found[ACCOUNT] = Place(_l("按退回说的，改账户"), _l("改账户"), "bank", account)
    return found


def first_to_mend(case: Case, event: CaseEvent | None) -> Place | None:
    """Where to go first, or None: something has been mended since, or the form of handing in again is the place."""
    if event is None or was_mended(case, event):
        return None
    return places(case).get(_WHERE.get(event.reason_code, PAPERS))


def was_mended(case: Case, event: CaseEvent) -> bool:
    """Whether a paper, a survey or an account was written since the case came back."""
    since = {"history_date__gt": event.recorded_at}
    return (
        CaseDocument.history.filter(case_id=case.pk, **since).exists()
        or Survey.history.filter(household_id=case.household_id, **since).exists()
        or BankAccount.history.filter(household_id=case.household_id, **since).exists()
    )
