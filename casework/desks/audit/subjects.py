"""What a line of the access log is about, in words and with a link: a paper leads to its case, or to its family."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from audit.models import AccessLog
from casework.desks.audit import records

# What a record is called on paper; the others by their number alone.
_CALLED = {
    "case": "case_no",
    "household": "head_name",
    "person": "name",
    "batch": "number",
    "unit": "name",
    "staff": "name",
    "fund": "name",
}


class Subjects:
    """The records that some lines are about, as far as the auditor reaches them: one query for each kind."""

    def __init__(self, entries: list[AccessLog], user: Any) -> None:
        self._user, self._kinds = user, records.kinds()
        self._rows: dict[str, dict[int, Any]] = {}
        named = {entry.subject: _parsed(entry.subject) for entry in entries}
        self._load("document", {number for kind, number in named.values() if kind == "document"})
        self._keys = {subject: self._owner(*key) for subject, key in named.items()}
        for kind in sorted({kind for kind, _number in self._keys.values()} - {"document"}):
            self._load(kind, {number for each, number in self._keys.values() if each == kind})

    def _load(self, kind: str, ids: set[int]) -> None:
        if kind in self._kinds and ids:
            self._rows[kind] = records.within_reach(self._user, self._kinds[kind]).in_bulk(ids)

    def _owner(self, kind: str, number: int) -> tuple[str, int]:
        """A paper's case or family; every other record is its own."""
        paper = self._rows.get("document", {}).get(number) if kind == "document" else None
        if paper is None:
            return kind, number
        owner, case = _parsed(paper.subject)
        return (owner, case) if owner == "case" else ("household", paper.household_id)

    def words(self, subject: str) -> str:
        kind, number = self._keys[subject]
        if kind not in self._kinds:
            return {"search": "—", "pack": _("迎检包"), "unit": _("单位")}.get(kind, subject)
        row = self._rows.get(kind, {}).get(number)
        called = getattr(row, _CALLED[kind]) if row is not None and kind in _CALLED else number
        return f"{self._kinds[kind].words} {called}"

    def url(self, subject: str) -> str:
        """ "" when it is out of reach."""
        kind, number = self._keys[subject]
        if number not in self._rows.get(kind, {}):
            return ""
        return reverse("audit:trail", args=[number]) if kind == "case" else reverse("audit:record", args=[kind, number])


def _parsed(subject: str) -> tuple[str, int]:
    kind, _colon, number = subject.partition(":")
    return kind, int(number) if number.isdecimal() else 0
