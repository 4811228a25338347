"""The kinds of things that a search finds: where each begins within reach, by what it is found, how it is said.

A condition is looked up by its own index, one at a time; a disjunction of them would be read row by row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.roles import Ability
from access.scope import can, scope
from casework.auditing.search.people import People
from casework.auditing.search.reading import Reading
from casework.auditing.search.references import of_payment
from casework.days import full_day
from casework.desks.funds.reach import bank_lines_in_reach
from casework.models import Case, Roster, RosterLine
from casework.reach import units_in
from families.models import BankAccount, Household
from flows.states import STATES
from funds.models import BankLine, Payment, PaymentBatch, Receipt, Transfer

Conditions = Iterator[tuple[str, Q]]


@dataclass(frozen=True)
class Kind:
    """`amount` and `days` name the fields for bounds, "" where the kind has none and drops out."""

    code: str
    title: Any
    model: Any
    rows: Callable[[Any], QuerySet | None]
    found_by: Callable[[Reading, People], Conditions]
    told: Callable[[Any], dict[str, Any]]
    joined: tuple[str, ...] = ()
    amount: str = ""
    days: tuple[str, ...] = ()


def _placed(model: Any, prefix: str, ability: Ability = Ability.AUDIT_READ) -> Callable[[Any], QuerySet | None]:
    def rows(user: Any) -> QuerySet | None:
        condition = units_in(user, ability, prefix)
        return model.objects.filter(condition) if condition is not None else None

    return rows


def _cases(user: Any) -> QuerySet | None:
    return scope(user, Ability.AUDIT_READ).filter(Case.objects.all())


def _transfers(user: Any) -> QuerySet | None:
    """Of her own funds' accounts; a transfer lies where the fund is kept that gives."""
    condition = units_in(user, Ability.AUDIT_READ, "debit__fund__unit__")
    return Transfer.objects.filter(condition) if condition is not None else None


def _bank_lines(user: Any) -> QuerySet | None:
    return bank_lines_in_reach(user) if can(user, Ability.AUDIT_READ) else None


def _batches(user: Any) -> QuerySet | None:
    condition = units_in(user, Ability.AUDIT_READ, "reservation__village__")
    if condition is None:
        return None
    return PaymentBatch.objects.filter(pk__in=Payment.objects.filter(condition).values("batch"))


# ---------------------------------------------------------------- by what each is found


def _of_case(asked: Reading, people: People) -> Conditions:
    if asked.case_numbers:
        yield _("个案编号"), Q(case_no__in=asked.case_numbers)
    if asked.code.isdecimal() and len(asked.code) >= 8:
        yield _("户号"), Q(household_no__startswith=asked.code)
    if people.households:
        yield _why_person(asked), Q(household_id__in=people.households)


def _of_family(asked: Reading, people: People) -> Conditions:
    if asked.code.isdecimal() and len(asked.code) >= 8:
        yield _("户号"), Q(household_no__startswith=asked.code)
    if people.households:
        yield _why_person(asked), Q(pk__in=people.households)
    if asked.account_index:
        yield _("登记过这个账号"), Q(pk__in=_households_with(number_index=asked.account_index))
    if asked.account_end:
        yield _("账户尾号"), Q(pk__in=_households_with(number_last4=asked.account_end))


def _of_payment(asked: Reading, people: People) -> Conditions:
    if people.keys:
        yield _why_payee(asked), Q(payee_person_key__in=people.keys)
    if asked.name:
        yield _("收款人"), Q(payee_name=asked.text)
    if asked.account_index:
        yield _("收款账号"), Q(account_index=asked.account_index)
    if asked.account_end:
        yield _("账户尾号"), Q(account_last4=asked.account_end)
    yield from of_payment(asked)


def _of_batch(asked: Reading, people: People) -> Conditions:
    if asked.code:
        yield _("批次号"), Q(number__startswith=asked.code)


def _of_bank_line(asked: Reading, people: People) -> Conditions:
    if asked.name:
        yield _("银行写的户名"), Q(name=asked.text)
    if asked.account_index:
        yield _("账号"), Q(account_index=asked.account_index)
    if asked.account_end:
        yield _("账户尾号"), Q(account_last4=asked.account_end)
    if asked.code:
        yield _("回单号"), Q(bank_reference__in={asked.text, asked.code})
        yield _("银行流水号"), Q(serial__in={asked.text, asked.code})


def _of_list(asked: Reading, people: People) -> Conditions:
    if asked.roster:
        yield _("名册号"), Q(pk=asked.roster[0])
    if asked.name:
        yield _("名册的名称"), Q(title__icontains=asked.text)
    if people.ids:
        lines = RosterLine.objects.filter(person_id__in=people.ids).values("roster_id")
        yield _("名册里有这个人"), Q(pk__in=lines)


def _of_receipt(asked: Reading, people: People) -> Conditions:
    if asked.code:
        yield _("票据号"), Q(receipt_no__in={asked.text, asked.code})
        yield _("银行流水号"), Q(bank_reference__in={asked.text, asked.code})
    if asked.document_no:
        yield _("文号"), Q(document_no__contains=asked.document_no)
    if asked.name:
        yield _("捐赠人"), Q(donor__name__contains=asked.text)


def _of_transfer(asked: Reading, people: People) -> Conditions:
    if asked.code:
        yield _("流水号"), Q(key__in={asked.text, asked.code, asked.text.lower()})
    if asked.document_no:
        yield _("文号"), Q(document_no=asked.document_no)


def _why_person(asked: Reading) -> str:
    return _("身份证号") if asked.person_key else _("姓名或拼音")


def _why_payee(asked: Reading) -> str:
    return _("收款人的身份证号") if asked.person_key else _("收款人姓名或拼音")


def _households_with(**account: str) -> QuerySet:
    return BankAccount.objects.filter(**account).values("household_id")


# ---------------------------------------------------------------- how each is said


def _case(case: Case) -> dict[str, Any]:
    return {
        "title": f"{case.head_name} {case.case_no}",
        "about": f"{case.spec.title} · {case.village.name} · {STATES[case.state].title}",
        "url": reverse("audit:trail", args=[case.pk]),
        "amount_fen": case.amount_fen,
        "on": case.opened_on,
    }


def _family(household: Household) -> dict[str, Any]:
    return {
        "title": f"{household.head_name} {household.household_no}",
        "about": household.village.name,
        "url": reverse("cases:family", args=[household.pk]),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    what = _("名册付款") if payment.subject.startswith("roster:") else _("个案付款")
    account = f"{payment.bank} **** {payment.account_last4}" if payment.account_last4 else _("现金")
    return {
        "title": payment.payee_name,
        "about": f"{what} · {payment.batch.number} · {account} · {payment.get_state_display()}",
        "note": payment.bank_reference,
        "url": reverse("audit:payment", args=[payment.pk]),
        "amount_fen": payment.amount_fen,
        "on": payment.answered_on or payment.sent_on or payment.listed_on,
    }


def _batch(batch: PaymentBatch) -> dict[str, Any]:
    return {
        "title": batch.number,
        "about": f"{batch.title} · {batch.get_state_display()}".strip(" ·"),
        "url": reverse("funds:batch", args=[batch.pk]),
        "on": batch.released_on or batch.made_on,
    }


def _bank_line(line: BankLine) -> dict[str, Any]:
    return {
        "title": f"{line.name} {line.bank_reference or line.serial}".strip(),
        "about": f"{line.file.filename} · {_('第 %(n)d 行') % {'n': line.n}} · {line.get_verdict_display()}",
        "note": line.words,
        "url": reverse("funds:bank_file", args=[line.file_id]),
        "amount_fen": line.amount_fen,
        "on": line.happened_on,
    }


def _list(roster: Roster) -> dict[str, Any]:
    return {
        "title": roster.title,
        "about": f"{_('名册 %(n)d') % {'n': roster.pk}} · {roster.stage}",
        "url": reverse("rosters:roster", args=[roster.pk]),
        "amount_fen": roster.total_fen or None,
        "on": roster.approved_on or roster.made_on,
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    who = receipt.donor.masked if receipt.donor else receipt.get_kind_display()
    return {
        "title": " ".join(filter(None, (str(who), receipt.receipt_no, receipt.document_no))),
        "about": receipt.fund.name,
        "note": receipt.bank_reference,
        "url": reverse("funds:receipt", args=[receipt.pk]),
        "amount_fen": receipt.amount_fen,
        "on": receipt.received_on,
    }


def _transfer(transfer: Transfer) -> dict[str, Any]:
    return {
        "title": transfer.key,
        "about": " · ".join(filter(None, (transfer.document_no, full_day(transfer.business_date)))),
        "url": reverse("funds:entry", args=[transfer.pk]),
        "amount_fen": transfer.amount_fen,
        "on": transfer.business_date,
    }


def _payments(user: Any) -> QuerySet | None:
    condition = units_in(user, Ability.AUDIT_READ, "reservation__village__")
    return Payment.objects.filter(condition) if condition is not None else None


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("case", _l("个案"), Case, _cases, _of_case, _case, ("village",), "amount_fen", ("opened_on",)),
        Kind("family", _l("户"), Household, _placed(Household, ""), _of_family, _family, ("village",)),
        Kind("payment", _l("付款"), Payment, _payments, _of_payment, _payment, ("batch",), "amount_fen", ("sent_on",)),
        Kind("batch", _l("批次"), PaymentBatch, _batches, _of_batch, _batch, days=("released_on",)),
        Kind(
            "bank", _l("银行回单"), BankLine, _bank_lines, _of_bank_line, _bank_line, ("file",), "amount_fen",
            ("happened_on",),
        ),
        Kind("list", _l("名册"), Roster, _placed(Roster, ""), _of_list, _list, days=("made_on",)),
        Kind(
            "receipt", _l("收入"), Receipt, _placed(Receipt, "unit__"), _of_receipt, _receipt, ("donor", "fund"),
            "amount_fen", ("received_on",),
        ),
        Kind(
            "transfer", _l("流水"), Transfer, _transfers, _of_transfer, _transfer, amount="amount_fen",
            days=("business_date",),
        ),
    )
}  # fmt: skip
