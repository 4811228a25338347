"""What `manage.py audit replay` says: a line, or a member of one JSON object, for each difference as soon as it is found."""

import datetime
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from audit.errors import NotAudited
from audit.replay import Difference, Replayed, rate, replay


def tell(out: Any, table: str, moment: str | None, *, is_json: bool) -> int:
    """Replay and say what was found; the number of differences. Nothing is kept but a line for each table."""
    began, until = time.monotonic(), end_of(moment)
    tables: list[Replayed] = []
    try:
        differences = (_in_json if is_json else _in_words)(out, replay(only=table, until=until), tables)
    except NotAudited as unknown:
        raise CommandError(f"There is no audited table {table!r}; see `audit replay` without --table.") from unknown
    read = sum(max(found.versions, found.rows) for found in tables)
    seconds, a_second = rate(read, began)
    if is_json:
        end = {"as_of": until and until.isoformat(), "tables": [asdict(found) for found in tables], "rows": read}
        end |= {"seconds": seconds, "rows_a_second": a_second}
        out.write("], " + json.dumps(end, ensure_ascii=False)[1:])
    else:
        as_of = f" as of {until.isoformat()}" if until else ""
        out.write(f"{read} rows{as_of}, {differences} differences, {seconds} s ({a_second} rows/s)")
    return differences


def end_of(moment: str | None) -> datetime.datetime | None:
    """A moment as it is typed; of a day its end, in the county's time zone. Raises CommandError."""
    if moment is None:
        return None
    try:
        parsed = datetime.datetime.fromisoformat(moment)
    except ValueError as error:
        raise CommandError(f"{moment!r} is no moment. Write 2026-04-15 or 2026-04-15T09:30.") from error
    if len(moment) == len("2026-04-15"):
        parsed = datetime.datetime.combine(parsed, datetime.time.max)
    return parsed if timezone.is_aware(parsed) else timezone.make_aware(parsed)


def _in_words(out: Any, found: Iterator[Difference | Replayed], tables: list[Replayed]) -> int:
    differences = 0
    for one in found:
        if isinstance(one, Difference):
            differences += 1
            out.write(f"{one.kind}: {one.table} {one.row}: {', '.join(one.columns)}".rstrip(": "))
            continue
        tables.append(one)
        notes = [f"{one.versions} versions", f"{one.differences} differences"]
        notes += [f"{one.later} changed since"] * bool(one.later)
        notes += [f"not kept: {', '.join(one.unkept)}"] * bool(one.unkept)
        out.write(f"{one.table}: {one.rows} rows, {', '.join(notes)}")
    return differences


def _in_json(out: Any, found: Iterator[Difference | Replayed], tables: list[Replayed]) -> int:
    """One object, written piece by piece, however many differences there are; the caller writes its end."""
    differences = 0
    out.ending = ""
    for one in found:
        if isinstance(one, Difference):
            out.write((", " if differences else '{"differences": [') + json.dumps(asdict(one), ensure_ascii=False))
            differences += 1
        else:
            tables.append(one)
    if not differences:
        out.write('{"differences": [')
    return differences
