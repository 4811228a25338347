"""What one can look back at, and by which addresses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from casework.desks.audit import records
from casework.desks.history import of_case, of_fund, of_household, of_post, of_record, readers, spine
from casework.desks.history.moments import Until
from casework.desks.history.pictures import Picture
from casework.desks.history.readers import Reader


@dataclass(frozen=True)
class Subject:
    """`name` is that of its pages (history:case, history:case_between, history:case_timeline)."""

    name: str
    reader: Callable[..., Reader]
    picture: Callable[[Reader, Until | None], Picture]
    streams: Callable[[Any], list[str]]
    title: Callable[[Any], str]
    today: Callable[[Any], str]  # the address of today's page
    sources: Callable[[Reader], spine.Sources] | None = None
    is_alone: bool = False  # its own versions only; else all that its chain tells

    def url(self, view: str, record: Any, kind: str = "") -> str:
        """The address of its page: view is "", "between" or "timeline"; "" when it has no such page."""
        name = f"history:{self.name}_{view}" if view else f"history:{self.name}"
        try:
            return reverse(name, args=[kind, record.pk] if kind else [record.pk])
        except NoReverseMatch:
            return ""


SUBJECTS = {
    "case": Subject(
        "case",
        readers.of_case,
        of_case.picture,
        of_case.streams_of,
        lambda case: _("%(name)s家 %(no)s") % {"name": case.head_name, "no": case.case_no},
        lambda case: reverse("cases:detail", args=[case.pk]),
        spine.of_case,
    ),
    "family": Subject(
        "family",
        readers.of_household,
        of_household.picture,
        of_household.streams_of,
        lambda family: _("%(name)s家") % {"name": family.head_name},
        lambda family: reverse("cases:family", args=[family.pk]),
        spine.of_household,
    ),
    "fund": Subject(
        "fund",
        readers.of_fund,
        of_fund.picture,
        of_fund.streams_of,
        str,
        lambda fund: reverse("funds:fund", args=[fund.pk]),
    ),
    "post": Subject(
        "post", readers.of_post, of_post.picture, of_post.streams_of, str, lambda post: "", is_alone=True
    ),
    "record": Subject(
        "record",
        readers.of_record,
        of_record.picture,
        of_record.streams_of,
        lambda record: f"{_called(record)} {record.pk}",
        lambda record: reverse("audit:record", args=[_kind(record), record.pk]),
        is_alone=True,
    ),
}  # fmt: skip


def _kind(record: Any) -> str:
    return next(name for name, kind in records.kinds().items() if kind.model is type(record))


def _called(record: Any) -> str:
    return str(records.kinds()[_kind(record)].words)
