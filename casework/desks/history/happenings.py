"""Entries of the chain in words: what happened, who did it, when it was for and when it was written down."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from access.models import Staff
from access.roles import title_of
from audit.models import AccessLog
from audit.operations import BYPASS_REASON
from casework.auditing.models import Question, QuestionEntry
from casework.bank_words import labelled, returned_words
from casework.desks.funds.figures import KIND_WORDS
from casework.desks.history import tables
from casework.desks.history.readers import Reader
from casework.models import Case, CaseDocument, CaseDuty, CaseEvent
from casework.trail import read_words, shortened
from families import catalogue
from families.models import Document, Survey
from flows.states import ACTIONS, DUTIES, STATES
from funds.models import BankLine, Payment, Transfer
from funds.money import yuan


@dataclass(frozen=True)
class Link:
    """One entry of the chain, and the row it stands for."""

    entry: int
    table: str
    row: int
    at: datetime.datetime
    hash: str = ""


@dataclass(frozen=True)
class Happening:
    """`at` is when it was written down, `on` the business day. `paper` is the kind of a document, where it is about one."""

    link: Link
    kind: str
    title: str
    who: str = ""
    on: datetime.date | None = None
    text: str = ""
    tone: str = ""
    paper: str = ""

    @property
    def fingerprint(self) -> str:
        return shortened(self.link.hash)


def told(links: list[Link], reader: Reader) -> list[Happening]:
    """The entries in words for this reader, in the same order: one query for each table, one for the names."""
    wanted: dict[str, list[int]] = {}
    for link in links:
        wanted.setdefault(link.table, []).append(link.row)
    rows = {table: _rows(table, ids) for table, ids in wanted.items()}
    names = _names(row for found in rows.values() for row in found.values())
    return [
        _told(link, rows[link.table][link.row], names, reader) if link.row in rows[link.table] else _gone(link)
        for link in links
    ]


def _rows(table: str, ids: list[int]) -> dict[int, Any]:
    model, is_past = tables.model_of(table)
    if model is None:
        return {}
    if is_past:
        return {row.history_id: row for row in model.history.filter(history_id__in=ids)}
    rows = model.objects.filter(pk__in=ids)
    if model is QuestionEntry:
        rows = rows.select_related("question")
    return {row.pk: row for row in rows}


_ACTORS = ("history_user_id", "by_id", "recorded_by_id", "staff_id", "asked_by_id")


def _names(rows: Iterable[Any]) -> dict[int, str]:
    ids = {getattr(row, name, None) for row in rows for name in _ACTORS}
    return dict(Staff.objects.filter(pk__in=ids - {None}).values_list("pk", "name"))


def _gone(link: Link) -> Happening:
    """The chain has it and the table does not: whoever took it away left this behind."""
    return Happening(link, tables.CHANGE, _("这条记录写下以后被删掉了"), tone="stop")


def _told(link: Link, row: Any, names: dict[int, str], reader: Reader) -> Happening:
    model, is_past = tables.model_of(link.table)
    if is_past:
        return _version(link, model, row, names, reader)
    if model is CaseEvent:
        return _act(link, row, names, reader)
    return _TELLERS.get(model, _plain)(link, row, names)


def _who(names: dict[int, str], pk: int | None) -> str:
    return names.get(pk, _("系统"))


# ---------------------------------------------------------------- versions of records

_CHANGED = {"+": lambda: _("新记"), "~": lambda: _("改了"), "-": lambda: _("删了")}


def _version(link: Link, model: Any, row: Any, names: dict[int, str], reader: Reader) -> Happening:
    reason = row.history_change_reason or ""
    is_bypass = reason.startswith(BYPASS_REASON)
    words, tone = _words_of(model, row)
    said = [words, _("绕过程序改的") if is_bypass else reader.why(reason)]
    return Happening(
        link,
        tables.kind_of(model._meta.db_table),
        labelled(tables.record_words(model), _CHANGED[row.history_type]()),
        _who(names, row.history_user_id),
        row.history_business_date,
        " · ".join(filter(None, said)),
        "stop" if is_bypass or row.history_type == "-" else tone,
        row.kind if model in (Document, CaseDocument) else "",
    )


def _words_of(model: Any, row: Any) -> tuple[str, str]:
    """(what this version says in short, tone)."""
    if model is Case:
        return str(STATES[row.state].title) if row.state in STATES else row.state, ""
    if model is Payment:
        back = returned_words(row.returned_reason) if row.state == Payment.State.RETURNED else ""
        words = [_yuan(row.amount_fen), str(row.get_state_display()), row.bank_reference, back]
        return " · ".join(filter(None, words)), "now" if back else ""
    if model in (Document, CaseDocument):
        return catalogue.title(catalogue.DOCUMENTS, row.kind), ""
    if model is Survey:
        return _("第 %(n)d 版") % {"n": row.version}, ""
    if hasattr(row, "amount_fen"):
        return _yuan(row.amount_fen), ""
    return (str(row.get_state_display()), "") if hasattr(row, "get_state_display") else ("", "")


# ---------------------------------------------------------------- rows that never change


def _act(link: Link, row: CaseEvent, names: dict[int, str], reader: Reader) -> Happening:
    words = ACTIONS[row.action].done if row.action in ACTIONS else _("开案")
    role = title_of(row.by_role) if row.by_role != "anyone" else _("群众")
    who = f"{names[row.by_id]} · {role}" if row.by_id in names else role
    tone = "now" if row.to_state in ("refused", "recovery", "returned", "payment_returned") else ""
    return Happening(link, "act", str(words), who, row.business_date, reader.words_of_act(row), tone)


def _duty(link: Link, row: CaseDuty, names: dict[int, str]) -> Happening:
    title = labelled(_("经手"), DUTIES.get(row.duty, row.duty))
    return Happening(link, tables.CHANGE, title, _who(names, row.staff_id), row.since)


def _transfer(link: Link, row: Transfer, names: dict[int, str]) -> Happening:
    words = KIND_WORDS.get(row.kind, row.kind)
    title = labelled(_("冲正"), words) if row.reverses_id else str(words)
    text = " · ".join(filter(None, [_yuan(row.amount_fen), row.reason, row.document_no]))
    return Happening(link, "money", title, _who(names, row.recorded_by_id), row.business_date, text)


def _bank_line(link: Link, row: BankLine, names: dict[int, str]) -> Happening:
    amount = _yuan(row.amount_fen) if row.amount_fen is not None else ""
    text = " · ".join(filter(None, [amount, row.words, row.bank_reference, str(row.get_verdict_display())]))
    return Happening(link, "bank", _("银行答复"), row.bank, row.happened_on, text)


def _read(link: Link, row: AccessLog, names: dict[int, str]) -> Happening:
    text = "" if row.kind == AccessLog.Kind.FILE else row.reason
    return Happening(link, "read", read_words(row), row.actor_name, row.business_date, text, "now")


def _question(link: Link, row: Question, names: dict[int, str]) -> Happening:
    return Happening(link, "question", _("审计提问"), _who(names, row.asked_by_id), row.asked_on, row.title)


def _answer(link: Link, row: QuestionEntry, names: dict[int, str]) -> Happening:
    title = {"ask": _("审计问"), "answer": _("答复"), "close": _("了结")}[row.kind]
    return Happening(
        link, "question", f"{title} {row.question.number}", _who(names, row.by_id), row.entered_on, row.words
    )


def _plain(link: Link, row: Any, names: dict[int, str]) -> Happening:
    return Happening(link, tables.kind_of(link.table), tables.record_words(type(row)))


_TELLERS = {
    CaseDuty: _duty,
    Transfer: _transfer,
    BankLine: _bank_line,
    AccessLog: _read,
    Question: _question,
    QuestionEntry: _answer,
}


def _yuan(amount_fen: int) -> str:
    return _("%(amount)s 元") % {"amount": yuan(amount_fen)}
