"""Which files a bank wants and gives, by date; and what people have said of its headings and words."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from access.models import Staff
from audit import clock
from audit.context import acting
from funds import duties
from funds.banking import formats
from funds.banking.errors import (
    FormatError,
    HeadingsUnknown,
    MissingColumns,
    NoFormat,
    NoHeading,
    WordTaken,
    WrongFileType,
)
from funds.banking.formats import AnswerFormat, ListFormat
from funds.banking.headings import LABELS, LEAST_KNOWN, Layout, common, first_rows, heading_texts, recognise
from funds.banking.reasons import OUTCOME_WORDS, STORED_WORDS
from funds.banking.values import folded
from funds.models import BankFormat, HeadingMapping


@transaction.atomic
def seed() -> int:
    """Write down the formats that come with the product; returns how many were new. Again it changes nothing."""
    known = set(BankFormat.objects.values_list("code", "direction", "version"))
    new = [form for form in formats.built_in() if (form.code, form.direction, form.version) not in known]
    for form in new:
        _write(form, None)
    return len(new)


@transaction.atomic
def add(document: str | bytes | Mapping[str, Any], *, by: Any) -> BankFormat:
    """A new version of a bank's file. Raises FormatError for what cannot be used, or a version or day that is taken; NotYours."""
    duties.demand_somewhere(by, "answer")
    form = formats.from_json(document)
    taken = BankFormat.objects.filter(code=form.code, direction=form.direction)
    if taken.filter(version=form.version).exists():
        raise FormatError(path="version", words=_("这个版本已经登记过，登记过的不能改。请用新的版本号"))
    if taken.filter(valid_from=form.valid_from).exists():
        raise FormatError(path="valid_from", words=_("这一天已经有一个版本。请写新格式开始用的日子"))
    with acting(by, reason="add_bank_format"):
        return _write(form, by)


def _write(form: ListFormat | AnswerFormat, by: Any) -> BankFormat:
    return BankFormat.objects.create(
        code=form.code,
        name=form.name,
        direction=form.direction,
        version=form.version,
        valid_from=form.valid_from,
        spec=formats.to_json(form),
        made_on=clock.today(),
        made_by=by,
    )


def banks(direction: str, on: datetime.date) -> list[tuple[str, str]]:
    """(code, name) of every bank that has a format in this direction on the day."""
    rows = BankFormat.objects.filter(direction=direction, valid_from__lte=on).order_by("code", "valid_from")
    return list(dict(rows.values_list("code", "name")).items())


def bank_name(code: str) -> str:
    return BankFormat.objects.filter(code=code).order_by("-valid_from").values_list("name", flat=True).first() or code


def list_format(bank: str, on: datetime.date) -> ListFormat:
    """Raises NoFormat."""
    form = _in_force(bank, formats.OUT, on)
    if not isinstance(form, ListFormat):
        raise NoFormat(bank=bank, day=on)
    return form


def answer_format(bank: str, on: datetime.date) -> AnswerFormat:
    """The bank's own, or the common one for a bank that has only a list of its own. Raises NoFormat."""
    form = _in_force(bank, formats.IN, on)
    if isinstance(form, AnswerFormat):
        return form
    if not BankFormat.objects.filter(code=bank).exists():
        raise NoFormat(bank=bank, day=on)
    return common()


def _in_force(bank: str, direction: str, on: datetime.date) -> ListFormat | AnswerFormat | None:
    rows = BankFormat.objects.filter(code=bank, direction=direction).values_list("spec", flat=True)
    return formats.in_force(map(formats.from_json, rows), bank, direction, on)


def understood(source: BinaryIO, bank: str, on: datetime.date) -> tuple[AnswerFormat, Layout, Mapping[str, str]]:
    """Format with the words that were taught, layout, and the columns that were set for these headings.

    Raises HeadingsUnknown when nobody has said yet which column is what, WrongFileType where no row could be headings, and
    what `recognise` refuses a file for.
    """
    form = answer_format(bank, on)
    known = {mapping.signature: mapping for mapping in HeadingMapping.objects.filter(bank=bank)}
    try:
        layout, _table = recognise(source, form)
    except NoHeading:
        layout = None
    if layout is not None and not layout.missing and layout.signature not in known:
        return form, layout, {}
    for mapping in known.values():
        try:
            mapped, _table = recognise(source, form, mapping.columns)
        except NoHeading:
            continue
        if mapped.signature == mapping.signature and not mapped.missing:
            return _taught(form, mapping), mapped, mapping.columns
    rows = [cells for _sheet, cells in first_rows(source)]
    if not any(len(heading_texts(row)) >= LEAST_KNOWN for row in rows):
        raise WrongFileType(words=_("里没有表格"))
    raise HeadingsUnknown(rows, layout.mapping() if layout else {}, list(layout.missing) if layout else [])


def _taught(form: AnswerFormat, mapping: HeadingMapping) -> AnswerFormat:
    """The format with the words of people; one that the format lists itself means what the format says."""
    statuses, reasons = (
        {word: meaning for word, meaning in taught.items() if folded(word) not in listed}
        for taught, listed in (
            (mapping.statuses, _listed(form.statuses)),
            (mapping.reasons, _listed(form.reasons)),
        )
    )
    return formats.taught(form, statuses, reasons)


def _listed(meanings: Mapping[str, Iterable[str]]) -> set[str]:
    return {folded(word) for words in meanings.values() for word in words}


@transaction.atomic
def remember_columns(source: BinaryIO, bank: str, columns: Mapping[str, str], *, by: Any) -> HeadingMapping:
    """Which heading stands over which of our fields ({field: heading}), for every later file with these headings.

    Raises NoHeading, MissingColumns when amount, status, or both serial and account are still without a column; NotYours.
    """
    duties.demand_somewhere(by, "answer")
    layout, _table = recognise(source, answer_format(bank, clock.today()), columns)
    if layout.missing:
        raise MissingColumns(line=layout.line, columns="、".join(str(LABELS[field]) for field in layout.missing))
    return _remember(bank, layout.signature, by, columns=dict(columns))


@transaction.atomic
def teach(
    bank: str, signature: str, statuses: Mapping[str, str], reasons: Mapping[str, str] | None = None, *, by: Any
) -> HeadingMapping:
    """What words of the bank mean ({word: outcome}, {word: code of ours}).

    A word that was taught keeps its meaning. Raises FormatError where the format lists it with another one, WordTaken
    where somebody has taught another. NotYours.
    """
    duties.demand_somewhere(by, "answer")
    formats.taught(answer_format(bank, clock.today()), statuses, reasons)
    return _remember(bank, signature, by, statuses=dict(statuses), reasons=dict(reasons or {}))


def _with_words(mapping: HeadingMapping, group: str, words: Mapping[str, str]) -> dict[str, str]:
    """What was taught before with what is taught now. Raises WordTaken."""
    before = getattr(mapping, group)
    taught = {folded(word): (word, meaning) for word, meaning in before.items()}
    for word, meaning in words.items():
        known, means = taught.get(folded(word), (word, meaning))
        if means != meaning:
            raise _taken(mapping, group, known)
    return before | words


def _taken(mapping: HeadingMapping, group: str, word: str) -> WordTaken:
    """Who taught it, and when."""
    first = next(row for row in mapping.history.order_by("history_id") if word in getattr(row, group))
    meaning = getattr(mapping, group)[word]
    return WordTaken(
        word=word,
        day=first.history_business_date,
        who=Staff.objects.filter(pk=first.history_user_id).first() or _("系统"),
        meaning=OUTCOME_WORDS.get(meaning) or _(STORED_WORDS[meaning]),
    )


def _remember(bank: str, signature: str, by: Any, **said: Any) -> HeadingMapping:
    with acting(by, reason="bank_headings"):
        mapping, is_new = HeadingMapping.objects.select_for_update().get_or_create(
            bank=bank, signature=signature, defaults={"made_on": clock.today(), "made_by": by, **said}
        )
        if not is_new:
            for name, value in said.items():
                setattr(mapping, name, value if name == "columns" else _with_words(mapping, name, value))
            mapping.save()
    return mapping
