"""When money that the bank sent back may go out again: whose turn it is, and why not yet."""

import datetime

from django.utils.translation import gettext as _

from audit import clock
from casework.bank_words import ACCOUNT_IS_RIGHT, returned_words
from casework.days import day_short
from casework.models import Case
from flows import calendar
from flows.errors import CalendarMissing
from funds import instalments
from funds import services as funds
from funds.models import Payment


def returned_payment(case: Case) -> Payment | None:
    """The payment that came back, and is paid again next; of help in parts it is the last one of the next part."""
    reservation = funds.held_reservation(case.subject)
    parts = instalments.open_parts(reservation) if reservation else []
    of_the_part = Payment.objects.filter(subject=case.subject, instalment=parts[0].n if parts else 1)
    last = of_the_part.exclude(state=Payment.State.CANCELLED).order_by("-id").first()
    return last if last and last.state == Payment.State.RETURNED else None


def waits_for_village(case: Case, back: Payment) -> bool:
    """Whether the account is still the one that failed, and the bank did not say that it is right."""
    if case.provider is not None:
        unchanged = case.provider.account_index == back.account_index
    elif back.account_kind == "cash":
        unchanged = False  # there is no account to mend
    else:
        account = case.payee_account
        unchanged = account.number_index == back.account_index and account.holder.name == back.payee_name
    return unchanged and not back.returned_reason.startswith(ACCOUNT_IS_RIGHT)


def why_not_again(case: Case, back: Payment) -> str:
    """A returned payment goes out again when the village has mended the account and one working day has passed."""
    if waits_for_village(case, back):
        return _("等村里核对账户：%(reason)s。改好以后隔一个工作日才能重发。") % {
            "reason": returned_words(back.returned_reason)
        }
    first_day = first_day_again(case)
    recorded_on, index = _account_now(case)
    if first_day and clock.today() < first_day and index != back.account_index:
        return _("账户%(changed)s刚改过，要隔一个工作日，%(date)s起才能重发。") % {
            "changed": day_short(recorded_on),
            "date": day_short(first_day),
        }
    return ""


def first_day_again(case: Case) -> datetime.date | None:
    """The first day on which a payment may go to the case's new account; None when the calendar is not loaded."""
    try:
        return calendar.add(_account_now(case)[0], case.rules.account_wait)
    except CalendarMissing:
        return None


def _account_now(case: Case) -> tuple[datetime.date, str]:
    """(recorded on, blind index) of where the case's money goes now."""
    if case.provider is not None:
        return case.provider.recorded_on, case.provider.account_index
    return case.payee_account.recorded_on, case.payee_account.number_index
