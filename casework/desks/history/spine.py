"""Everything that happened to a case or a family, newest first, a page at a time: the chain is the spine of the timeline.

Each act, version, movement, read and question is an entry of the chain already, with its moment and its fingerprint. So one
query over the streams concerned gives a page, whatever its kinds, and the page after it begins where this one ended.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audit import proofs
from casework.auditing.models import Question
from casework.desks.history import tables
from casework.desks.history.happenings import Link
from casework.desks.history.readers import Reader
from casework.http import YEARS
from casework.models import Case, PublicNotice
from casework.queries import cases_in_reach
from families.models import Household, HouseholdMember, Person
from funds.models import Payment

PAGE = 50


@dataclass(frozen=True)
class Sources:
    """What a timeline is made of: streams, subjects whose reads count, payments whose bank lines count, and subjects whose
    first version may share its link with others ({model: ids})."""

    streams: list[str]
    subjects: list[str]
    payments: list[int]
    imported: dict[type, list[int]]


def of_case(reader: Reader) -> Sources:
    """A case with its notices, questions and family; for auditors the batches it was paid in, too."""
    case: Case = reader.record
    payments = list(Payment.objects.filter(subject=case.subject).values_list("pk", "batch_id"))
    streams = [case.subject, *_notices([case.pk])]
    if reader.sight.family:
        streams.append(f"household:{case.household_id}")
    if reader.is_auditor:
        streams += sorted({f"batch:{batch}" for _payment, batch in payments}) + _questions([case.subject])
    subjects = [*streams, *(f"payment:{pk}" for pk, _batch in payments)]
    subjects += [f"household:{case.household_id}", *_of_family(case.household_id, case)]
    return Sources(streams, subjects, [pk for pk, _batch in payments], {})


def of_household(reader: Reader) -> Sources:
    """A family with its members and with those of its cases that the reader sees."""
    household: Household = reader.record
    cases = list(cases_in_reach(reader.user).filter(household=household).values_list("pk", flat=True))
    members = list(household.members.values_list("pk", "person_id"))
    persons = sorted({person for _pk, person in members})
    own = [f"household:{household.pk}", *(f"case:{pk}" for pk in cases)]
    streams = [*own, *(f"member:{pk}" for pk, _person in members), *(f"person:{pk}" for pk in persons)]
    streams += _notices(cases)
    if reader.is_auditor:
        streams += _questions(own)
    subjects = [*streams, *(f"document:{pk}" for pk in household.documents.values_list("pk", flat=True))]
    payments = list(Payment.objects.filter(subject__in=own).values_list("pk", flat=True))
    imported = {Household: [household.pk], HouseholdMember: [pk for pk, _p in members], Person: persons}
    return Sources(streams, subjects, payments, imported)


def _notices(cases: list[int]) -> list[str]:
    return [f"notice:{pk}" for pk in PublicNotice.objects.filter(case__in=cases).values_list("pk", flat=True)]


def _questions(subjects: list[str]) -> list[str]:
    found = Question.objects.none()
    for subject in subjects:
        found = found | Question.objects.filter(subjects__contains=[subject])
    return [f"question:{pk}" for pk in found.values_list("pk", flat=True)]


def _of_family(household_id: int, case: Case) -> list[str]:
    persons = HouseholdMember.objects.filter(household_id=household_id).values_list("person_id", flat=True)
    papers = case.papers.values_list("document_id", flat=True)
    return [*(f"person:{pk}" for pk in persons), *(f"document:{pk}" for pk in papers)]


# ---------------------------------------------------------------- one page

Key = tuple[datetime.datetime, int, int]  # of an entry: when, its number, and of a shared link its row

_PAGE = """
SELECT id, tbl, row_id, recorded_at, encode(hash, 'hex') FROM ({parts}) e
WHERE e.tbl = ANY (%(tables)s) AND (%(at)s::timestamptz IS NULL OR (recorded_at, id, row_id) < (%(at)s, %(entry)s, %(row)s))
ORDER BY recorded_at DESC, id DESC, row_id DESC LIMIT %(most)s
"""
_COLUMNS = "e.id, e.tbl, e.row_id, e.recorded_at, e.hash"


def page(sources: Sources, reader: Reader, kind: str, before: Key | None) -> tuple[list[Link], Key | None]:
    """(the links of one page, where the next begins or None). `kind` is one of tables.KINDS, "change", or "" for all."""
    parts = [f"SELECT {_COLUMNS} FROM audit_entry e WHERE e.stream = ANY (%(streams)s) AND e.keys IS NULL"]
    if reader.is_auditor:
        parts.append(
            f"SELECT {_COLUMNS} FROM audit_accesslog a JOIN audit_entry e ON e.tbl = 'audit_accesslog' AND e.row_id = a.id"
            " WHERE a.subject = ANY (%(subjects)s)"
        )
    parts.append(
        f"SELECT {_COLUMNS} FROM funds_bankline b JOIN audit_entry e ON e.tbl = 'funds_bankline' AND e.row_id = b.id"
        " WHERE b.payment_id = ANY (%(payments)s)"
    )
    facts: dict[str, Any] = {
        "streams": sources.streams,
        "subjects": sources.subjects,
        "payments": sources.payments,
        "most": PAGE + 1,
    }
    parts += _imported(sources, facts)
    facts["tables"] = _chosen(kind, reader)
    facts |= dict(zip(("at", "entry", "row"), before or (None, 0, 0), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_PAGE.format(parts=" UNION ALL ".join(parts)), facts)
        found = [Link(*row) for row in cursor.fetchall()]
    last = found[PAGE - 1] if len(found) > PAGE else None
    return found[:PAGE], (last.at, last.entry, last.row) if last else None


def _imported(sources: Sources, facts: dict[str, Any]) -> Iterable[str]:
    """First versions that came with thousands of others: each has its place in the link that it shares."""
    known = {table.live: table for table in proofs.tracked_tables()} if sources.imported else {}
    for n, (model, ids) in enumerate(sources.imported.items()):
        table = known[model._meta.db_table]
        facts[f"ids{n}"] = ids
        yield (
            f"SELECT s.id, '{table.past}', r.{table.key}::bigint, s.recorded_at, s.hash"
            f' FROM "{table.past}" r JOIN LATERAL {proofs.of_set(table)} s ON true WHERE r.id = ANY (%(ids{n})s)'
        )


def _chosen(kind: str, reader: Reader) -> list[str]:
    """The tables whose entries are shown: those of the kind, without what this reader does not see."""
    shown = {live for live in tables.lives() if reader.shows_table(live)}
    if not reader.is_auditor:
        shown = {live for live in shown if tables.kind_of(live) not in tables.AUDITORS_ALONE}
    if kind:
        shown = {live for live in shown if tables.kind_of(live) == kind}
    return tables.chain_tables(shown)


def key_of(text: str) -> Key | None:
    """Where a page begins, as its address says it; None for the newest, and for what is no such place."""
    at, _tilde, rest = text.partition("~")
    entry, _tilde, row = rest.partition("~")
    if not (entry.isdecimal() and row.isdecimal() and len(entry) <= 18 and len(row) <= 18):
        return None
    try:
        moment = datetime.datetime.fromisoformat(at)
    except ValueError:
        return None
    if moment.tzinfo is None or moment.year not in YEARS:
        return None
    return moment, int(entry), int(row)


def key_text(key: Key) -> str:
    return f"{key[0].isoformat()}~{key[1]}~{key[2]}"
