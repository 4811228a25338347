"""One case's trail as a file that somebody else can check: every step with the fingerprints of its chain."""

import csv
import io
import json
from typing import Any

from django.utils.translation import gettext as _

from access import confirming
from audit import clock
from audit.cells import plain_cell
from casework.trail import Happening, Trail
from casework.watermark import Mark, taken_by

CONTENT_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


def trail_file(trail: Trail, *, form: str, reason: str, by: Any) -> bytes:
    """The file's bytes; the access is written down first, in the caller's transaction. Raises ReasonNeeded."""
    confirming.demand(confirming.Kind.EXPORT)
    mark = taken_by(by, subject=trail.case.subject, fields="trail", reason=reason)
    if form == "json":
        return json.dumps({"taken": mark.facts} | _facts(trail), ensure_ascii=False, indent=1).encode()
    return _csv(trail, mark).encode("utf-8-sig")


def _facts(trail: Trail) -> dict[str, Any]:
    case = trail.case
    return {
        "case_no": case.case_no,
        "programme": case.programme,
        "state": case.state,
        "amount_fen": case.amount_fen,
        "exported_on": clock.today().isoformat(),
        "intact": trail.is_intact,
        "problems": [
            {"kind": p.kind, "table": p.table, "row": p.row, "stream": p.stream, "message": p.message}
            for p in trail.problems
        ],
        "disagreements": trail.disagreements,
        "steps": [
            {
                "step": str(card.step),
                "title": card.title,
                "lines": card.lines,
                "who": card.who,
                "on": card.on.isoformat() if card.on else None,
                "table": card.table,
                "row": card.row,
                "hash": card.hash,
            }
            for card in trail.cards
        ],
        "timeline": [_happening(item) for item in trail.happenings],
        "checkpoint": trail.seal.fingerprint if trail.seal else None,
        "chains": {stream.name: {"links": len(stream.links), "sealed": stream.sealed} for stream in trail.streams},
        "entries": [
            {"table": table, "row": row, "n": link.n, "recorded_at": link.recorded_at.isoformat(), "hash": link.hash}
            for (table, row), link in trail.links.items()
        ],
    }


def _happening(item: Happening) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "recorded_at": item.at.isoformat(),
        "on": item.on.isoformat() if item.on else None,
        "who": item.who,
        "title": item.title,
        "text": item.text,
        "hash": item.hash,
    }


def _csv(trail: Trail, mark: Mark) -> str:
    file = io.StringIO(newline="")
    write = csv.writer(file)
    write.writerow(mark.row)
    write.writerow([_("录入时间"), _("业务日期"), _("种类"), _("谁"), _("什么"), _("说明"), _("指纹")])
    for item in trail.happenings:
        facts = _happening(item)
        write.writerow(
            [plain_cell(facts[name] or "") for name in ("recorded_at", "on", "kind", "who", "title", "text", "hash")]
        )
    return file.getvalue()
