"""What an import says when it is done: the same shape for every importer, on the page and on standard output."""

from dataclasses import dataclass, field
from typing import Any

from families.importing.findings import Finding


@dataclass
class ImportReport:
    """`households` and `persons` count what the file held and would be or was taken over; `changed` says whether anything
    was written. `created`, `updated`, `unchanged` count rows by what became of them."""

    households: int = 0
    persons: int = 0
    held_households: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    changed: bool = False
    already_imported: bool = False
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_error]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.is_error]

    def to_json(self) -> dict[str, Any]:
        """The answer of the import commands: {"households", "persons", "errors", "warnings", "seconds", …}."""
        return {
            "households": self.households,
            "persons": self.persons,
            "held_households": self.held_households,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "changed": self.changed,
            "already_imported": self.already_imported,
            "errors": [_plain(finding) for finding in self.errors],
            "warnings": [_plain(finding) for finding in self.warnings],
            "seconds": round(self.seconds, 3),
        }


def _plain(finding: Finding) -> dict[str, str]:
    return {"sheet": finding.sheet, "cell": finding.cell, "kind": finding.kind, "message": str(finding.message)}
