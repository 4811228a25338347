"""What is different between two moments: each record that changed, field by field, with who set it to what it became."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from audit import steps
from audit.models import Entry
from casework.desks.audit import records
from casework.desks.audit.words import FIELD_WORDS
from casework.desks.history import moments, readers, tables
from casework.desks.history.chained import MOST as MOST_ENTRIES
from casework.desks.history.happenings import Happening, Link, told
from casework.desks.history.moments import Until
from casework.desks.history.readers import Names, Reader
from families import survey_form
from families.models import Survey

MOST = 200  # records that one page compares
_SEALED_BESIDE = {"id_number_sealed": "id_last4", "number_sealed": "number_last4", "account_sealed": "account_last4"}
_OF_THE_SEARCH = ("search", "name_search", "uid")
_DAYS = (
    "business_date",
    "since",
    "entered_on",
    "asked_on",
    "served_on",
)  # the business day of a row that never changes


@dataclass(frozen=True)
class Change:
    """One field. `by`, `at` and `act` are of the version that set its last value; `times` how often it changed on the way."""

    label: str
    before: str | None
    after: str | None
    by: str
    at: datetime.datetime
    reason: str
    times: int = 1


@dataclass
class Changed:
    """One record: new, changed or deleted, with its fields."""

    words: str
    number: int
    how: str
    by: str
    at: datetime.datetime
    on: datetime.date | None
    changes: list[Change] = field(default_factory=list)
    kind: str = ""
    survey: Any = None
    same: bool = False


@dataclass
class Between:
    happenings: list[Happening]
    records: list[Changed]
    is_cut: bool = False

    def __bool__(self) -> bool:
        return bool(self.happenings or self.records)


def between(
    streams: Sequence[str], reader: Reader, first: Until | None, last: Until | None, *, alone: bool = False
) -> Between:
    """From the end of `first` (None: from nothing) to the end of `last` (None: now). `alone`: the record's own versions only."""
    rows = Entry.objects.filter(stream__in=streams, keys__isnull=True)
    if moments.is_instant(first):
        rows = rows.filter(recorded_at__gt=first)
    if moments.is_instant(last):
        rows = rows.filter(recorded_at__lte=last)
    links = [
        Link(*row) for row in rows.order_by("id").values_list("id", "table", "row_id", "recorded_at")[:MOST_ENTRIES]
    ]
    return _compared(_own(links, reader) if alone else links, reader, first, last)


def of_step(streams: Sequence[str], reader: Reader, entry: int, *, alone: bool = False) -> Between:
    """What was written together with one entry; nothing where it is not of these streams."""
    wanted = steps.of_entry(streams, entry)
    rows = Entry.objects.filter(stream__in=streams, keys__isnull=True, table__in={table for table, _row in wanted})
    rows = rows.filter(row_id__in={row for _table, row in wanted}).order_by("id")
    links = [Link(*row) for row in rows.values_list("id", "table", "row_id", "recorded_at")]
    links = [link for link in links if (link.table, link.row) in wanted]
    return _compared(_own(links, reader) if alone else links, reader, None, None)


def _own(links: list[Link], reader: Reader) -> list[Link]:
    versions = type(reader.record).history.filter(id=reader.record.pk)
    table, rows = versions.model._meta.db_table, set(versions.values_list("history_id", flat=True))
    return [link for link in links if link.table == table and link.row in rows]


def _compared(links: list[Link], reader: Reader, first: Until | None, last: Until | None) -> Between:
    by_table: dict[str, list[Link]] = {}
    for link in links:
        if reader.shows_table(tables.live_of(link.table)) and tables.kind_of(tables.live_of(link.table)) != "read":
            by_table.setdefault(link.table, []).append(link)
    plain: list[Link] = []
    pairs: list[tuple[type[models.Model], Any, list[Any]]] = []
    for table, found in by_table.items():
        model, is_past = tables.model_of(table)
        if model is None:
            continue
        if is_past:
            pairs += [(model, *pair) for pair in _pairs(model, [link.row for link in found], first, last)]
        else:
            plain += _on_days(model, found, first, last)
    pairs = [pair for pair in pairs if not hasattr(pair[2][-1], "kind") or _shown_paper(pair[0], pair[2][-1], reader)]
    shown = sorted(pairs, key=lambda pair: pair[2][-1].history_id)[:MOST]
    names = Names.of(*(row for _model, base, rows in shown for row in [base, *rows] if row is not None))
    happenings = told(sorted(plain, key=lambda link: link.entry)[:MOST], reader)
    return Between(
        happenings,
        [_changed(model, base, rows, reader, names) for model, base, rows in shown],
        len(pairs) > MOST or len(plain) > MOST,
    )


def _shown_paper(model: Any, row: Any, reader: Reader) -> bool:
    is_paper = model._meta.db_table in tables.KINDS["paper"][1]
    return not is_paper or reader.shows_paper(row.kind)


def _on_days(model: Any, links: list[Link], first: Until | None, last: Until | None) -> Iterable[Link]:
    """Rows that never change, by their business day where a day was asked for; instants were compared already."""
    names = {column.name for column in model._meta.concrete_fields}
    day = next((name for name in _DAYS if name in names), None)
    bounds = {}
    if first is not None and not moments.is_instant(first):
        bounds["gt"] = first
    if last is not None and not moments.is_instant(last):
        bounds["lte"] = last
    if not bounds or day is None:
        return links
    wanted = model.objects.filter(
        pk__in=[link.row for link in links], **{f"{day}__{side}": value for side, value in bounds.items()}
    )
    kept = set(wanted.values_list("pk", flat=True))
    return [link for link in links if link.row in kept]


def _pairs(model: Any, ids: list[int], first: Until | None, last: Until | None) -> Iterable[tuple[Any, list[Any]]]:
    """(the version before, or None; the versions within) of each record; two queries."""
    within = model.history.filter(history_id__in=ids)
    if first is not None and not moments.is_instant(first):
        within = within.exclude(moments.condition(first))
    if last is not None and not moments.is_instant(last):
        within = within.filter(moments.condition(last))
    found: dict[int, list[Any]] = {}
    for row in within.order_by("history_id"):
        found.setdefault(row.id, []).append(row)
    if not found:
        return []
    inside = {row.history_id for rows in found.values() for row in rows}
    earlier = model.history.filter(id__in=list(found), history_id__lt=max(inside)).exclude(history_id__in=inside)
    if first is not None and not moments.is_instant(first):
        earlier = earlier.filter(moments.condition(first))
    bases = {row.id: row for row in earlier.order_by("id", "-history_id").distinct("id")}
    return [(_lives(bases.get(pk), rows), rows) for pk, rows in found.items()]


def _lives(base: Any, rows: list[Any]) -> Any:
    is_before = base is not None and base.history_type != "-" and base.history_id < rows[0].history_id
    return base if is_before else None


# ---------------------------------------------------------------- one record


def _changed(model: Any, base: Any, rows: list[Any], reader: Reader, names: Names) -> Changed:
    last = rows[-1]
    how = _("删了") if last.history_type == "-" else _("新记") if base is None else _("改了")
    found = Changed(
        tables.record_words(model),
        last.id,
        how,
        names.who(last.history_user_id),
        last.history_date,
        last.history_business_date,
        kind=tables.record_kind(model) if reader.is_auditor else "",
    )
    for column in last._meta.concrete_fields:
        if column.name in records.HISTORY or column.name in (*_OF_THE_SEARCH, "id"):
            continue
        if column.name == "facts" and model is Survey:
            found.survey = last
            found.changes += _answers(base or _before(last), last, reader, names)
        elif base is None and column.name.endswith(readers.TECHNICAL):
            continue  # of what is new they tell nothing
        elif reader.shows_column(column.name) and (change := _field(column, base, rows, reader, names)):
            found.changes.append(change)
    found.same = base is not None and not found.changes
    return found


def _field(column: models.Field, base: Any, rows: list[Any], reader: Reader, names: Names) -> Change | None:
    """The change of one field from the version before to the last one; None: it is what it was."""
    values = [_plain(getattr(row, column.attname)) for row in ([base] if base is not None else []) + rows]
    if base is not None and values[0] == values[-1] or base is None and values[-1] in (None, "", []):
        return None
    turns = [n for n in range(1, len(values)) if values[n] != values[n - 1]]
    setter = rows[turns[-1] - (1 if base is not None else 0)] if turns else rows[0]
    return Change(
        str(FIELD_WORDS.get(column.name, column.name)),
        _said(column, base, reader, names) if base is not None else None,
        None if rows[-1].history_type == "-" else _said(column, rows[-1], reader, names) or "—",
        names.who(setter.history_user_id),
        setter.history_date,
        reader.why(setter.history_change_reason or ""),
        max(len(turns), 1),
    )


def _said(column: models.Field, row: Any, reader: Reader, names: Names) -> str:
    """Of a sealed number its end, which tells the two apart; the whole is on the family's page, for a reason."""
    if column.name in _SEALED_BESIDE:
        last4 = getattr(row, _SEALED_BESIDE[column.name], "")
        return _("密文，末四位 %(end)s") % {"end": last4} if last4 else _("没有")
    return reader.said(column, getattr(row, column.attname), names)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _before(survey: Any) -> Any:
    """The version of a survey that came before: surveys are never changed, they are made again."""
    return Survey.objects.filter(household_id=survey.household_id, version=survey.version - 1).first()


def _answers(before: Any, after: Any, reader: Reader, names: Names) -> list[Change]:
    old = before.facts if before is not None else {}
    return [
        Change(
            str(difference.label),
            None if difference.before is None else records.answer_words(difference.kind, difference.before),
            None if difference.after is None else records.answer_words(difference.kind, difference.after),
            names.who(after.history_user_id),
            after.history_date,
            after.change_reason,
        )
        for difference in survey_form.differences(old, after.facts, reader.sight.hidden)
    ]
