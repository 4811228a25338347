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
    "access_grant": _("例外授权"),
    "access_recusal": _("回避"),
    "access_secondfactor": _("动态码"),
    "access_recoverycode": _("备用码"),
    "casework_homecheck": _("入户核查"),
    "casework_relativeflag": _("亲属关系提示"),
    "casework_rosterbatch": _("名册的批次"),
    "casework_rostersignature": _("名册一行的签名"),
    "casework_caseevent": _("办理"),
    "casework_caseduty": _("经手"),
    "casework_question": _("审计提问"),
    "casework_questionentry": _("审计问答"),
    "families_cadre": _("村干部"),
    "families_conflictdeclaration": _("亲属申报"),
    "families_relativestatement": _("亲属申报的说明"),
    "families_importbatch": _("导入的文件"),
    "flows_programmeversion": _("帮扶的规则"),
    "funds_transfer": _("资金变动"),
    "funds_account": _("账目"),
    "funds_bankfile": _("银行文件"),
    "funds_bankline": _("银行答复"),
    "funds_banktask": _("银行答复里没了的事"),
    "funds_headingmapping": _("银行文件的列"),
    "funds_campaign": _("募捐"),
    "funds_donor": _("捐赠人"),
    "funds_receipt": _("收入"),
    "funds_provider": _("服务单位"),
    "funds_proposal": _("资金提议"),
    "funds_depositaccount": _("单位账户"),
    "funds_fundstanding": _("资金存在哪里"),
    "funds_reconciliation": _("对账"),
    "funds_statedbalance": _("银行余额"),
    "funds_openitem": _("未达账项"),
    "funds_imprestcount": _("备用金盘点"),
    "funds_imprestrefill": _("备用金补足"),
    "funds_paymentfreeze": _("付款冻结"),
    "funds_period": _("结账的月份"),
    "funds_periodtotal": _("月末余额"),
    "funds_stockstore": _("仓库"),
    "funds_stockitem": _("物资"),
    "funds_stocklot": _("一批物资"),
    "funds_stockslip": _("物资单"),
    "funds_stockmove": _("物资进出"),
    "funds_stocksignature": _("领物资的签字"),
    "funds_stockcount": _("物资盘点"),
    "funds_stockcountline": _("盘点的一行"),
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
