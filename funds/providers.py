"""The list of those who are paid in a family's stead."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access import vault
from audit import clock
from audit.context import acting
from funds import duties
from funds.errors import WrongPaymentState
from funds.models import Provider
from funds.services import Payee


@transaction.atomic
def record(*, name: str, kind: str, unit: Any, bank: str, account_no: str, by: Any, credit_code: str = "") -> Provider:
    """Put a provider on the list. It is paid only after `check` by somebody else. Raises NotYours."""
    post = duties.demand(by, "make", unit)
    provider = Provider(
        name=name,
        kind=kind,
        unit=unit,
        bank=bank,
        credit_code=credit_code,
        account_index=vault.blind_index("account", account_no),
        account_last4=account_no[-4:],
        recorded_by=by,
        recorder_person_key=by.person_key,
        recorded_on=clock.today(),
    )
    provider.account_sealed = vault.seal(account_no, row=provider.account_row)
    with acting(by, on_behalf_of=post.principal, reason="record_provider"):
        provider.save()
    return provider


@transaction.atomic
def check(provider: Provider, *, by: Any) -> Provider:
    """A second person has compared name and account with the provider's papers. Raises SamePerson, NotYours, WrongPaymentState."""
    if provider.checked_on is not None or provider.ended_on is not None:
        raise WrongPaymentState(_("「%(name)s」已经核对过，或者已经停用。") % {"name": provider.name})
    same_person = _("登记账户和核对账户不能是同一个人。")
    post = duties.demand(by, "compare", provider.unit, after=[provider.recorder_person_key], same_person=same_person)
    provider.checked_by, provider.checker_person_key, provider.checked_on = by, by.person_key, clock.today()
    with acting(by, on_behalf_of=post.principal, reason="check_provider"):
        provider.save()
    return provider


def why_not_check(provider: Provider, user: Any) -> str:
    """ "" or why she may not compare this account with its papers."""
    return duties.why_not(user, "compare", provider.unit, after=[provider.recorder_person_key])


@transaction.atomic
def end(provider: Provider, *, by: Any) -> None:
    """Nothing more goes there; another account is recorded anew. Raises NotYours."""
    post = duties.demand(by, "make", provider.unit)
    provider.ended_on = clock.today()
    with acting(by, on_behalf_of=post.principal, reason="end_provider"):
        provider.save()


def why_unpayable(provider: Provider) -> str:
    """ "" or why nothing may go there today."""
    if provider.checked_on is None or provider.ended_on is not None:
        return _("「%(name)s」的账户还没有第二个人核对，或者已经停用。") % {"name": provider.name}
    return ""


def account_of_today(provider: Provider) -> Provider | None:
    """The provider as it is paid today: itself, or as it was recorded anew under its name after its account was ended.

    A name is in use once on a list. None where a second person has not compared the account, or nobody recorded one anew.
    """
    return Provider.objects.filter(
        name=provider.name,
        kind=provider.kind,
        unit_id=provider.unit_id,
        checked_on__isnull=False,
        ended_on__isnull=True,
    ).first()


def payee_of(provider: Provider) -> Payee:
    """The payee as a payment will keep it. Raises WrongPaymentState for a provider whose account nobody has checked."""
    because = why_unpayable(provider)
    if because:
        raise WrongPaymentState(because)
    return Payee(
        name=provider.name,
        person_key=None,
        account_no=vault.unseal(provider.account_sealed, row=provider.account_row),
        account_index=provider.account_index,
        account_kind="provider",
        bank=provider.bank,
        recorded_by_key=provider.recorder_person_key,
        provider=provider,
    )
