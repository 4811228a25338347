"""The tables of the chain, what kind of happening their rows are, and what their records are called."""

from functools import cache
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from casework.desks.audit import records

# Those that `audit:record` does not show by themselves.
_OTHERS = {
    "casework_serviceentry": _("服务记录"),
    "funds_instalment": _("分期"),
    "funds_recovery": _("追回"),
    "funds_cashhandover": _("现金发放"),
    "casework_roster": _("名册"),
    "casework_rosterline": _("名册的一行"),
}

# {kind of happening: (name, live tables)}; what is in none is a change of a record.
KINDS: dict[str, tuple[Any, frozenset[str]]] = {
    "act": (_("办理"), frozenset({"casework_caseevent"})),
    "money": (
        pgettext_lazy("timeline", "钱"),
        frozenset({"funds_transfer", "funds_reservation", "funds_instalment", "funds_recovery", "funds_imprestspend"}),
    ),
    "bank": (
        _("付款和银行"),
        frozenset({"funds_payment", "funds_paymentbatch", "funds_bankline", "funds_cashhandover", "funds_countersign"}),
    ),
    "paper": (_("材料"), frozenset({"families_document", "casework_casedocument"})),
    "notice": (
        _("评议和公示"),
        frozenset({"casework_publicnotice", "casework_objection", "casework_deliberation"}),
    ),
    "family": (
        _("家庭"),
        frozenset(
            f"families_{name}"
            for name in (
                *("household", "householdmember", "person", "householdmeans", "hardshipcause", "helpreceived"),
                *("bankaccount", "survey"),
            )
        ),
    ),
    "read": (_("看过的人"), frozenset({"audit_accesslog"})),
    "question": (_("审计问答"), frozenset({"casework_question", "casework_questionentry"})),
}
CHANGE = "change"
AUDITORS_ALONE = ("read", "question")


def kind_of(live: str) -> str:
    return next((kind for kind, (_words, tables) in KINDS.items() if live in tables), CHANGE)


def model_of(table: str) -> tuple[type[models.Model] | None, bool]:
    """(the live model, whether the table is its history) of a table of the chain."""
    return _by_table().get(table, (None, False))


@cache
def _by_table() -> dict[str, tuple[type[models.Model], bool]]:
    found: dict[str, tuple[type[models.Model], bool]] = {}
    for model in apps.get_models():
        if hasattr(model, "instance_type"):
            continue  # a history table, named by its live model below
        if hasattr(model._meta, "simple_history_manager_attribute"):
            found[model.history.model._meta.db_table] = (model, True)
        else:
            found[model._meta.db_table] = (model, False)
    return found


def lives() -> set[str]:
    """The live tables of all models."""
    return {model._meta.db_table for model, _is_past in _by_table().values()}


def live_of(table: str) -> str:
    model, _is_past = model_of(table)
    return model._meta.db_table if model else table


def chain_tables(lives: set[str]) -> list[str]:
    """The names under which rows of these live tables stand in the chain."""
    return [table for table, (model, _past) in _by_table().items() if model._meta.db_table in lives]


def record_kind(model: type[models.Model]) -> str:
    """The name of the kind in the address of `audit:record`; "" where it has none."""
    return next((name for name, kind in records.kinds().items() if kind.model is model), "")


def record_words(model: type[models.Model]) -> str:
    name = record_kind(model)
    return str(records.kinds()[name].words if name else _OTHERS.get(model._meta.db_table, model._meta.db_table))
