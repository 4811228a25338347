"""The unit's accounts at a bank: which funds lie there, what the bank says lies there, and what the books say."""

import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from access import vault
from audit import clock
from audit.context import acting
from funds import duties
from funds.errors import WrongReconciliation
from funds.models import DepositAccount, Fund, FundStanding, Reconciliation, StatedBalance


@transaction.atomic
def record_account(
    *, unit: Any, name: str, bank: str, account_no: str, opened_on: datetime.date, by: Any
) -> DepositAccount:
    """Write down an account of the unit. Raises NotYours, WrongReconciliation when it is known already."""
    post = duties.demand(by, "reconcile", unit)
    index = vault.blind_index("account", account_no)
    if DepositAccount.objects.filter(account_index=index).exists():
        raise WrongReconciliation(_("这个账号已经登记过。"))
    account = DepositAccount(
        unit=unit,
        name=name,
        bank=bank,
        account_index=index,
        account_last4=account_no[-4:],
        opened_on=opened_on,
        recorded_by=by,
    )
    account.account_sealed = vault.seal(account_no, row=account.account_row)
    with acting(by, on_behalf_of=post.principal, reason="record_deposit"):
        account.save()
    return account


@transaction.atomic
def place(fund: Fund, account: DepositAccount, *, since: datetime.date, by: Any) -> FundStanding:
    """From that day on the fund's money lies on this account; where it lay before ends the day before.

    Raises NotYours, WrongReconciliation when a sheet of either account was reviewed for that day or a later one.
    """
    post = duties.demand(by, "reconcile", account.unit)
    if fund.unit_id != account.unit_id or fund.source == Fund.Source.IN_KIND:
        raise WrongReconciliation(_("实物和别的单位的资金不放在这个账户里。"))
    Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)  # where none stands yet there is no row to wait for
    before = fund.standings.select_for_update().filter(valid_to__isnull=True).first()
    if before and before.account_id == account.pk:
        return before
    if before and since <= before.valid_from:
        raise WrongReconciliation(_("这项资金从 %(day)s 起在原来的账户，请选以后的日子。") % {"day": before.valid_from})
    _demand_not_reviewed({account.pk, before.account_id} if before else {account.pk}, since)
    with acting(by, on_behalf_of=post.principal, reason="place_fund"):
        if before:
            before.valid_to = since - datetime.timedelta(days=1)
            before.save()
        return FundStanding.objects.create(fund=fund, account=account, valid_from=since)


def _demand_not_reviewed(accounts: set[int], since: datetime.date) -> None:
    """What the books say of a reviewed day stays. Locks the accounts, as whoever reviews does."""
    list(DepositAccount.objects.select_for_update(no_key=True).filter(pk__in=accounts).order_by("pk"))
    reviewed = Reconciliation.objects.filter(account__in=accounts, state="reviewed", on__gte=since).order_by("-on")
    if last := reviewed.first():
        raise WrongReconciliation(
            _("%(day)s 的余额调节表已经复核过，账上的数不能再变。请选以后的日子。") % {"day": last.on}
        )


@transaction.atomic
def state_balance(
    account: DepositAccount,
    *,
    on: datetime.date,
    balance_fen: int,
    reference: str,
    by: Any,
    statement_sha256: str = "",
) -> StatedBalance:
    """What the bank's paper says lay there at the end of that day. The same again is the same row. Raises NotYours."""
    post = duties.demand(by, "reconcile", account.unit)
    if on > clock.today():
        raise WrongReconciliation(_("还没有到这一天，银行不会有这一天的余额。"))
    if on < account.opened_on or (account.ended_on and on > account.ended_on):
        raise WrongReconciliation(_("这一天账户还没有开，或者已经销户。"))
    last = account.stated.filter(on=on).order_by("-id").first()
    if last and (last.balance_fen, last.reference, last.statement_sha256) == (balance_fen, reference, statement_sha256):
        return last
    with acting(by, on_behalf_of=post.principal, reason="state_balance"):
        return StatedBalance.objects.create(
            account=account,
            on=on,
            balance_fen=balance_fen,
            reference=reference,
            statement_sha256=statement_sha256,
            recorded_by=by,
            recorded_on=clock.today(),
        )


def books_fen(account: DepositAccount, on: datetime.date) -> int:
    """What the books say lies there at the end of that day, in fen; the rule is the function of migration 0013."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT funds_in_the_bank(%s, %s)", [account.pk, on])
        return cursor.fetchone()[0]


def funds_in(account: DepositAccount, on: datetime.date) -> QuerySet[Fund]:
    lies = Q(standings__valid_to__isnull=True) | Q(standings__valid_to__gte=on)
    return Fund.objects.filter(lies, standings__account=account, standings__valid_from__lte=on).order_by("code")
