"""Any tracked record between two of its versions, in words. Sealed values and their fingerprints are never shown."""

import datetime
import operator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from access.models import Appointment, BreakGlass, Delegation, OrgUnit, Reset, Staff
from access.roles import Ability, title_of
from casework import second_person
from casework.desks.audit.reasons import reason_words
from casework.desks.audit.words import FIELD_WORDS, choice_words
from casework.models import Alert, Case, CaseDocument, Deliberation, FollowUpVisit, Measure, Objection, PublicNotice
from casework.reach import units_in
from casework.visibility import SECRECIES, sight
from families import survey_form
from families.models import (
    BankAccount,
    Document,
    HardshipCause,
    HelpReceived,
    Household,
    HouseholdMeans,
    HouseholdMember,
    Lead,
    Person,
    Survey,
)
from flows.states import STATES
from funds.models import Allocation, Countersign, Fund, ImprestFloat, ImprestSpend, Payment, PaymentBatch, Reservation
from funds.money import yuan


@dataclass(frozen=True)
class Kind:
    """One tracked model; each of `places` leads from it to a place that decides whether it is within reach."""

    model: type[models.Model]
    words: Any
    places: tuple[str, ...]


def kinds() -> dict[str, Kind]:
    """{name in the address: kind}"""
    found = (
        ("case", Case, _("个案"), ""),
        ("payment", Payment, _("付款"), "reservation__village__"),
        ("handout", ImprestSpend, _("备用金付款"), "reservation__village__"),
        ("float", ImprestFloat, _("备用金"), "allocation__unit__"),
        ("batch", PaymentBatch, _("付款批次"), "payments__reservation__village__"),
        ("reservation", Reservation, _("资金锁定"), "village__"),
        ("notice", PublicNotice, _("公示"), "case__"),
        ("objection", Objection, _("异议"), "notice__case__"),
        ("deliberation", Deliberation, _("评议"), "case__"),
        ("measure", Measure, _("帮扶措施"), "case__"),
        ("visit", FollowUpVisit, _("回访"), "case__"),
        ("paper", CaseDocument, _("个案材料"), "case__"),
        ("alert", Alert, _("超期提醒"), "case__"),
        ("document", Document, _("材料"), "household__"),
        ("survey", Survey, _("调查表"), "household__"),
        ("household", Household, _("户"), ""),
        ("member", HouseholdMember, _("家庭成员"), "household__"),
        ("person", Person, _("人"), "memberships__household__"),
        ("account", BankAccount, _("收款账户"), "household__"),
        ("cause", HardshipCause, _("困难原因"), "household__"),
        ("means", HouseholdMeans, _("收支"), "household__"),
        ("help", HelpReceived, _("得到过的帮扶"), "household__"),
        ("lead", Lead, _("线索"), "village__"),
        ("fund", Fund, _("资金"), "unit__"),
        ("allocation", Allocation, _("资金分配"), "unit__"),
        ("unit", OrgUnit, _("地方"), ""),
        ("staff", Staff, _("工作人员"), "appointments__unit__"),
        ("appointment", Appointment, _("任职"), "unit__"),
        ("delegation", Delegation, _("委托"), "appointment__unit__"),
        ("reset", Reset, _("重置"), "staff__appointments__unit__"),
        ("glass", BreakGlass, _("紧急查看"), "unit__"),
    )
    by_place = {name: Kind(model, words, (place,)) for name, model, words, place in found}
    return by_place | {"countersign": Kind(Countersign, _("会签"), second_person.PLACES)}


def within_reach(user: Any, kind: Kind) -> models.QuerySet:
    """The records of this kind in the auditor's unit."""
    conditions = [units_in(user, Ability.AUDIT_READ, place) for place in kind.places]
    if None in conditions:
        return kind.model.objects.none()
    return kind.model.objects.filter(reduce(operator.or_, conditions)).distinct()


def versions_of(kind: Kind, pk: int) -> models.QuerySet:
    """Every version, newest first."""
    return kind.model.history.filter(id=pk).order_by("-history_id")


HISTORY = (
    "history_id",
    "history_date",
    "history_change_reason",
    "history_type",
    "history_user_id",
    "history_behalf_id",
    "history_business_date",
)
NEVER_SHOWN = ("sealed", "password", "uid", "search", "name_search")
# What an auditor reads with a stated reason alone, on the family's own page (domain §4.4).
WITH_REASON = frozenset({"phone", "contact", "health", "disability_class", "disability_grade"})


@dataclass(frozen=True)
class Change:
    """One field that differs; what parts/_diff_table.html draws."""

    label: str
    before: str | None
    after: str | None
    by: str = ""
    reason: str = ""


def changes_between(before: Any, after: Any, user: Any, placed: Any = None, by: str = "") -> tuple[list[Change], int]:
    """(fields that differ, number of fields that do not) between two versions; `before` None: the record is new."""
    hidden = sight(user, placed).hidden if placed is not None else SECRECIES
    names = _staff_names(before, after)
    reason = reason_words(after.history_change_reason or "")
    found: list[Change] = []
    same = 0
    for column in after._meta.concrete_fields:
        if column.name in HISTORY or column.attname in HISTORY:
            continue
        old = getattr(before, column.attname) if before is not None else None
        new = getattr(after, column.attname)
        if before is not None and _plain(old) == _plain(new):
            same += 1
        elif column.name == "facts" and after.instance_type is Survey:
            found += _answers(old or {}, new or {}, hidden, by, reason)
        else:
            label = str(FIELD_WORDS.get(column.name, column.name))
            was = said(column, old, names) if before is not None else None
            found.append(Change(label, was or None, said(column, new, names) or "—", by, reason))
    return found, same


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytes) else value


def _answers(old: dict, new: dict, hidden: Any, by: str, reason: str) -> list[Change]:
    return [
        Change(
            str(difference.label),
            None if difference.before is None else answer_words(difference.kind, difference.before),
            None if difference.after is None else answer_words(difference.kind, difference.after),
            by,
            reason,
        )
        for difference in survey_form.differences(old, new, hidden)
    ]


def answer_words(kind: str, value: Any) -> str:
    if kind == "money":
        return _("%(amount)s 元") % {"amount": yuan(int(value))}
    return str(value)


def _staff_names(*rows: Any) -> dict[int, str]:
    ids = set()
    for row in rows:
        if row is not None:
            for column in row._meta.concrete_fields:
                if column.is_relation and column.related_model is Staff:
                    ids.add(getattr(row, column.attname))
    return dict(Staff.objects.filter(pk__in=ids - {None}).values_list("pk", "name"))


def said(column: models.Field, value: Any, names: dict[int, str]) -> str:
    """A stored value in words."""
    name = column.name
    if any(part in name for part in NEVER_SHOWN) or isinstance(value, memoryview | bytes):
        return _("（不显示）")
    if value is None or value == "" or value == []:
        return ""
    if name in WITH_REASON:
        return _("（写明原因才能看）")
    if name.endswith(("_key", "_index")):
        return _("（指纹 %(print)s）") % {"print": str(value)[:4]}
    if name.endswith(("digest", "sha256")):
        return f"{str(value)[:4]}…{str(value)[-2:]}"
    if name.endswith("_last4"):
        return f"**** {value}"
    if name.endswith("_fen"):
        amounts = value if isinstance(value, list) else [value]  # a plan has one for each month
        return _("、").join(_("%(amount)s 元") % {"amount": yuan(int(fen))} for fen in amounts)
    return _in_words(column, value, names)


def _in_words(column: models.Field, value: Any, names: dict[int, str]) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, datetime.date):
        return value.isoformat()[:16].replace("T", " ")
    if column.is_relation:
        return names.get(value, f"#{value}") if column.related_model is Staff else f"#{value}"
    if issubclass(column.model.instance_type, Case) and column.name in ("state", "return_to"):
        return str(STATES[value].title) if value in STATES else str(value)
    if column.name in ("role", "turn_role"):
        return title_of(value)
    titles = choice_words(column.model.instance_type._meta.db_table, column.name)
    if isinstance(value, str) and value in titles:
        return str(titles[value])
    if column.name == "file":
        return _("%(ending)s 文件") % {"ending": str(value).rpartition(".")[2].upper()}  # its path is of no use
    if column.name in ("key", "subject"):
        return key_words(str(value))
    if column.choices:
        return str(dict(column.flatchoices).get(value, value))
    if isinstance(value, list | tuple):
        return _("、").join(map(str, value))
    if isinstance(value, dict):
        return _("；").join(f"{key}：{part}" for key, part in value.items())
    return str(value)


def key_words(text: str) -> str:
    """A key in words: case:25:pay:1 is 个案 25，第 1 次付款. What is no such key stays as it is."""
    kind, _colon, rest = text.partition(":")
    number, _again, step = rest.partition(":")
    known = kinds().get(kind)
    if known is None or not number.isdecimal():
        return text
    words = f"{known.words} {number}"
    if not step:
        return words
    act, _third, times = step.partition(":")
    return _("%(record)s，第 %(n)s 次付款") % {"record": words, "n": times} if act == "pay" else f"{words} {step}"


def place_of(record: Any) -> Any:
    """The placed record behind `record` (a case or a household), for deciding what may be shown of it."""
    for name in ("case", "household"):
        if getattr(record, f"{name}_id", None):
            return getattr(record, name)
    return record if isinstance(record, Case | Household) else None
