"""The list of a released batch as the bank wants it: the one place where whole account numbers leave the system."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from access import confirming, vault
from access.roles import Ability
from access.scope import scope
from audit import clock
from audit.context import acting
from audit.services import record_access
from funds.bank_formats import bank_name, list_format
from funds.banking.errors import ListRefused
from funds.banking.formats import CSV, XLSX
from funds.banking.writing import ListFacts, PayLine, write
from funds.errors import NotYours, WrongPaymentState
from funds.models import BankFile, Payment, PaymentBatch
from funds.models.payments import account_row

AT_ONCE = 2_000
ENDINGS = {XLSX: "xlsx", CSV: "csv"}
Tell = Callable[[int, int], None]  # done, of how many


def lines_of(batch: PaymentBatch) -> QuerySet[Payment]:
    """What the bank is to pay, in the order of its list."""
    return batch.payments.filter(state=Payment.State.SENT).order_by("id")


def export(
    batch: PaymentBatch, bank: str, *, by: Any, reason: str, out: BinaryIO, purpose: str = "", tell: Tell | None = None
) -> BankFile:
    """Write the bank's list to a new, readable and seekable file, and write down that it was made, by whom and why.

    Raises ListRefused with what the bank would reject, line by line (the payments in the order of `lines_of`);
    NoFormat, WrongPaymentState; NotYours to whoever may not see whole account numbers of every place on it. Then what
    `out` holds is worth nothing. The access is kept even of a refused list, because the numbers were opened for it.
    """
    refused: ListRefused | None = None
    with transaction.atomic(), acting(by, reason="export_bank_list"):
        batch = PaymentBatch.objects.select_for_update().get(pk=batch.pk)
        demand_accounts(batch, by)
        _refuse_too_early_or_too_late(batch)
        _refuse_another_bank(batch, bank)
        form = list_format(bank, clock.today())
        sums = lines_of(batch).aggregate(n=Count("id"), fen=Sum("amount_fen"))
        confirming.demand(confirming.Kind.EXPORT)
        record_access(kind="export", subject=f"batch:{batch.pk}", fields="account", reason=reason)
        facts = ListFacts(batch.number, clock.today(), sums["n"], sums["fen"], purpose)
        try:
            write(form, facts, _opened(batch, sums["n"], tell), out)
        except ListRefused as refusal:
            refused = refusal
        else:
            return _written_down(batch, bank, form.version, filename(batch, form.file.kind), out, sums, by)
    assert refused is not None
    raise refused


def made_for(batch: PaymentBatch) -> list[tuple[BankFile, str]]:
    """The lists that were made of a batch, the newest first, each with the name of its bank."""
    files = BankFile.objects.filter(batch=batch, kind=BankFile.Kind.LIST).select_related("made_by")
    return [(file, bank_name(file.bank)) for file in files]


def filename(batch: PaymentBatch, kind: str) -> str:
    return f"{batch.number}.{ENDINGS.get(kind, 'txt')}"


def bank_of(batch: PaymentBatch) -> str:
    """The code of the bank that the list was made for, and that alone may get it again; "" while there is none."""
    return batch.bank_lists.values_list("bank", flat=True).first() or ""


def demand_accounts(batch: PaymentBatch, by: Any) -> None:
    """Raises NotYours unless a post lets her see whole account numbers of every place on the list."""
    within = Q(pk__in=())
    for level, ids in scope(by, Ability.ACCOUNT_VIEW).units.items():
        if level != "group":
            within |= Q(**{f"reservation__village__{level}_id__in": ids})
    if not batch.payments.filter(within).exists() or batch.payments.exclude(within).exists():
        raise NotYours(_("全部账号只有管这些地方的资金岗位能导出。"))


def _refuse_another_bank(batch: PaymentBatch, bank: str) -> None:
    made_for = bank_of(batch)
    if made_for not in ("", bank):
        raise WrongPaymentState(
            _(
                "批次 %(number)s 的清单已经给%(bank)s做过，不能再给别的银行，免得两家都付。"
                "要再做一份，还选这家银行；选错了银行，请都登记为退回，再另建批次。"
            )
            % {"number": batch.number, "bank": bank_name(made_for)}
        )


def _refuse_too_early_or_too_late(batch: PaymentBatch) -> None:
    if batch.is_cash:
        raise WrongPaymentState(_("这一批发现金，没有银行清单。"))
    if batch.state != PaymentBatch.State.RELEASED:
        raise WrongPaymentState(_("批次 %(number)s 还没有放行，不能导出银行清单。") % {"number": batch.number})
    if batch.payments.exclude(state__in=(Payment.State.SENT, Payment.State.CANCELLED)).exists():
        raise WrongPaymentState(
            _("批次 %(number)s 银行已经答复过，不能再交一次清单，免得付两次。退回的请另建批次重发。")
            % {"number": batch.number}
        )


def _opened(batch: PaymentBatch, total: int, tell: Tell | None) -> Iterator[PayLine]:
    """The lines with their numbers in clear, one after the other, from a cursor of the server."""
    rows = lines_of(batch).values_list("key", "payee_name", "account_sealed", "uid", "amount_fen", "bank")
    for n, (key, name, sealed, uid, amount_fen, at_bank) in enumerate(rows.iterator(chunk_size=AT_ONCE), 1):
        number = vault.unseal(sealed, row=account_row(uid))
        yield PayLine(key, name, number, amount_fen, at_bank)
        if tell is not None:
            tell(n, total)


def _written_down(
    batch: PaymentBatch, bank: str, version: str, name: str, out: BinaryIO, sums: dict[str, int], by: Any
) -> BankFile:
    """The same list made again is the same bytes (an xlsx tells its hour) and the same row."""
    out.seek(0)
    digest = hashlib.file_digest(out, "sha256").hexdigest()
    out.seek(0)
    made, _is_new = BankFile.objects.get_or_create(
        sha256=digest,
        defaults={
            "kind": BankFile.Kind.LIST,
            "bank": bank,
            "format_version": version,
            "filename": name,
            "batch": batch,
            "count": sums["n"],
            "total_fen": sums["fen"],
            "made_on": clock.today(),
            "made_by": by,
        },
    )
    return made
