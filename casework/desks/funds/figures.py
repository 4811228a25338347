"""The figures of the funds desk, each from the transfers themselves, so that every list adds up to the ledger.

Four figures describe a fund or an allocation: total, committed (promised or on its way), paid, available. A transfer
moves a figure when one of its two accounts belongs to it and the other does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models import Case as Switch
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from casework.models import Case
from funds import ledger
from funds.models import Account, Allocation, Fund, Transfer

K = Account.Kind
HELD = (K.COMMITTED, K.IN_PAYMENT, K.IMPREST, K.IMPREST_SPENT)
FIGURES: dict[str, tuple[tuple[str, ...], Any]] = {
    "total": ((K.AVAILABLE, K.ALLOCATED, *HELD, K.PAID), _("总额")),
    "committed": (HELD, _("已承诺，未付")),
    "paid": ((K.PAID,), _("已拨付")),
    "available": ((K.AVAILABLE, K.ALLOCATED), _("可用")),
    "promised": ((K.COMMITTED,), _("已承诺")),
    "in_payment": ((K.IN_PAYMENT,), _("正在付")),
    "imprest": ((K.IMPREST,), _("备用金")),
    "allocated": ((K.ALLOCATED,), _("分配了，还可用")),
    "budget": ((K.ALLOCATED, *HELD, K.PAID), _("预算")),
}
# what an account of a fund or allocation holds, wherever one is named
ACCOUNT_WORDS = {
    K.SOURCE: _("资金来源"),
    K.AVAILABLE: _("还没有分配"),
    K.ALLOCATED: _("分配了，还可用"),
    K.COMMITTED: _("已承诺"),
    K.IN_PAYMENT: _("正在付"),
    K.PAID: _("已拨付"),
    K.IMPREST: _("备用金"),
    K.IMPREST_SPENT: _("备用金已支出，手续未齐"),
}
AFTER_EACH = ("total", "committed", "paid", "available")  # told beside every line of the ledger
BUDGET_KINDS = ("allocate", "deallocate", "suballocate", "return_up", "carry_over")
KIND_WORDS = {
    "receive": _("收款"),
    "allocate": pgettext_lazy("transfer", "分配"),
    "deallocate": _("收回分配"),
    "reserve": _("锁定"),
    "release": _("解锁"),
    "send": _("交银行"),
    "settle": _("到账"),
    "bounce": _("银行退回"),
    "clawback": _("到账后退回"),
    "recover": pgettext_lazy("transfer", "追回"),
    "suballocate": _("下拨"),
    "return_up": _("收回上级"),
    "carry_over": _("结转下年"),
    "interfund": _("资金间划转"),
    "hand_back": _("上缴或退还"),
    "imprest_advance": _("拨备用金"),
    "imprest_spend": _("备用金支出"),
    "imprest_settle": _("备用金核销"),
    "imprest_replenish": _("补充备用金"),
    "imprest_return": _("交回备用金"),
}


@dataclass(frozen=True)
class Figures:
    """What parts/_fund_bar.html draws."""

    name: str
    note: str
    url: str
    total_fen: int
    committed_fen: int
    paid_fen: int
    available_fen: int


def of(balance: ledger.Balance, name: str = "", note: str = "", url: str = "") -> Figures:
    return Figures(
        str(name),
        str(note),
        url,
        balance.total_fen,
        balance.held_fen,
        balance.paid_fen,
        balance.free_fen,
    )


def total(rows: list[Figures]) -> Figures:
    return Figures(
        "",
        "",
        "",
        *(sum(getattr(row, f"{name}_fen") for row in rows) for name in ("total", "committed", "paid", "available")),
    )


def _moved(figure: str, fund: Fund, within: Sequence[int] | None) -> Switch:
    """How many fen a transfer adds to the accounts that a figure sums up: those of a fund, or of some allocations.

    What is available at the fund lies outside its allocations.
    """
    kinds = FIGURES[figure][0]

    def is_inside(side: str) -> Q:
        inside = Q(**{f"{side}__kind__in": kinds, f"{side}__fund": fund})
        return inside if within is None else inside & Q(**{f"{side}__allocation__in": within})

    into, out_of = is_inside("credit"), is_inside("debit")
    return Switch(
        When(into & ~out_of, then=F("amount_fen")),
        When(out_of & ~into, then=-F("amount_fen")),
        default=Value(0),
        output_field=BigIntegerField(),
    )


def transfers_of(fund: Fund, within: Sequence[int] | None = None) -> QuerySet[Transfer]:
    """Every movement on the accounts of a fund, or of some of its allocations."""
    if within is None:
        return Transfer.objects.filter(Q(debit__fund=fund) | Q(credit__fund=fund))
    return Transfer.objects.filter(Q(debit__allocation__in=within) | Q(credit__allocation__in=within))


@dataclass(frozen=True)
class KindSum:
    """Entries of one kind. Different kinds are never added up: what was received is in what was allocated again."""

    words: Any
    is_reversal: bool
    count: int
    amount_fen: int


def sums_by_kind(rows: QuerySet[Transfer]) -> list[KindSum]:
    """The sums of a list of entries, kind by kind in their order; a kind and its reversals apart. One query."""
    found = (
        rows.order_by()
        .values("kind", is_reversal=Q(reverses__isnull=False))
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    )
    order = Transfer.Kind.values
    return [
        KindSum(KIND_WORDS[row["kind"]], row["is_reversal"], row["n"], row["fen"])
        for row in sorted(found, key=lambda row: (order.index(row["kind"]), row["is_reversal"]))
    ]


@dataclass(frozen=True)
class FigureRow:
    """One case's part of a figure."""

    subject: str
    amount_fen: int
    case: Case | None = None

    @property
    def is_budget(self) -> bool:
        """Money that was set aside or taken back; no case's."""
        return self.subject.startswith("fund:")


def parts_of(figure: str, fund: Fund, within: Sequence[int] | None = None) -> QuerySet:
    """What makes up a figure, by subject: rows of {subject, fen}; their sum is the ledger's figure.

    `within` names allocations; a movement between two of them is none.
    """
    return (
        transfers_of(fund, within)
        .values("subject")
        .annotate(fen=Sum(_moved(figure, fund, within)))
        .exclude(fen=0)
        .order_by("-fen", "subject")
    )


def movements_of(figure: str, fund: Fund, within: Sequence[int] | None = None) -> QuerySet[Transfer]:
    """The same one by one, newest first: transfers with `fen`, what each added to the figure."""
    moved = _moved(figure, fund, within)
    return transfers_of(fund, within).annotate(fen=moved).exclude(fen=0).order_by("-id")


def with_cases(rows: list[dict[str, Any]], cases: QuerySet[Case]) -> list[FigureRow]:
    """The rows of one page with their cases, in one query; a case out of reach stays a number without a name."""
    ids = {case_id_of(row["subject"]) for row in rows} - {None}
    known = {case.subject: case for case in cases.filter(pk__in=ids).select_related("village")}
    return [FigureRow(row["subject"], row["fen"], known.get(row["subject"])) for row in rows]


def case_id_of(subject: str) -> int | None:
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == "case" and number.isdecimal() else None


@dataclass(frozen=True)
class After:
    """The figures of the fund (or allocation) just after one transfer."""

    total_fen: int
    committed_fen: int
    paid_fen: int
    available_fen: int


_LATER = """
SELECT * FROM (
  SELECT t.id, {sums}
  FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id JOIN funds_account c ON c.id = t.credit_id
  WHERE t.id >= %(first)s AND (d.fund_id = %(fund)s OR c.fund_id = %(fund)s)
    AND (%(allocation)s::bigint IS NULL OR d.allocation_id = %(allocation)s OR c.allocation_id = %(allocation)s)
) x WHERE id = ANY (%(ids)s)
"""


def _running_sum(kinds: tuple[str, ...]) -> str:
    names = ", ".join(f"'{kind}'" for kind in kinds)

    def is_inside(side: str) -> str:
        return (
            f"({side}.kind IN ({names}) AND {side}.fund_id = %(fund)s"
            f" AND (%(allocation)s::bigint IS NULL OR {side}.allocation_id IS NOT DISTINCT FROM %(allocation)s))::int"
        )

    return (
        f"coalesce(sum(t.amount_fen * ({is_inside('c')} - {is_inside('d')}))"
        " OVER (ORDER BY t.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint"
    )


def after_each(
    transfers: list[Transfer], now: ledger.Balance, fund: Fund, allocation: Allocation | None = None
) -> dict[int, After]:
    """{transfer id: figures just after it}: today's figures minus whatever came later. One query."""
    if not transfers:
        return {}
    ids = [transfer.pk for transfer in transfers]
    sql = _LATER.format(sums=", ".join(_running_sum(FIGURES[figure][0]) for figure in AFTER_EACH))
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {"first": min(ids), "fund": fund.pk, "allocation": allocation.pk if allocation else None, "ids": ids},
        )
        later = {row[0]: row[1:] for row in cursor.fetchall()}
    present = (now.total_fen, now.held_fen, now.paid_fen, now.free_fen)
    return {pk: After(*(fen - moved for fen, moved in zip(present, sums, strict=True))) for pk, sums in later.items()}
