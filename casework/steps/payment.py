"""Paying: listed, checked, released, answered by the bank, sent again when it came back."""

import datetime
from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import vault
from casework.acting import Act, after, before
from casework.digests import approval_digest
from casework.errors import ApprovalVoid, BadCaseData, TooEarly
from casework.models import FollowUpVisit
from casework.reissuing import returned_payment, waits_for_village
from families.models import BankAccount
from flows import calendar
from funds import services as funds
from funds.models import Payment, PaymentBatch

CHANGED_SINCE_IT_CAME_BACK = gettext_lazy("银行退回以后账户或材料改过，还没有人签字。请退回审批，审批以后再付。")


@before("list_payment")
def nothing_changed_since_approval(this: Act) -> None:
    case = this.case
    if approval_digest(case) == case.approved_digest:
        return
    if Payment.objects.filter(subject=case.subject, state=Payment.State.RETURNED).exists():
        raise ApprovalVoid(str(CHANGED_SINCE_IT_CAME_BACK))
    raise ApprovalVoid(_("批准以后材料有变动，签字已经失效。请退回审批。"))


@before("list_payment", "reissue")
def put_on_the_list(this: Act) -> None:
    """Data: batch_id, a batch in draft."""
    case = this.case
    batch = PaymentBatch.objects.select_for_update().filter(pk=this.data.get("batch_id")).first()
    if batch is None:
        raise BadCaseData(_("请先建一个付款批次，再把这一件列进去。"))
    reservation = funds.held_reservation(case.subject)
    if reservation is None:
        raise BadCaseData(_("这一件没有锁定的资金，不能付款。"))
    previous = Payment.objects.filter(subject=case.subject).order_by("-id").first()
    replaces = previous if previous and previous.state == Payment.State.RETURNED else None
    if this.action == "reissue":
        _account_was_mended(this, replaces)
    _refuse_unpayable(this, _("请退回，由村里改好重新上报。"))
    attempt = Payment.objects.filter(subject=case.subject).count() + 1
    payment = funds.list_payment(
        reservation, batch, payee_of(case.payee_account), key=f"{case.subject}:pay:{attempt}", replaces=replaces
    )
    this.note |= {"payment": payment.pk, "batch": batch.number}


def _account_was_mended(this: Act, replaces: Payment | None) -> None:
    account = this.case.payee_account
    if replaces is None:
        raise BadCaseData(_("没有被银行退回的付款，不用重发。"))
    if account.number_index != replaces.account_index:
        first_day = calendar.add(account.recorded_on, this.case.rules.account_wait)
        if this.today < first_day:
            raise TooEarly(_("账户刚改过，要等到 %(date)s 才能重发。") % {"date": first_day.isoformat()})


def _refuse_unpayable(this: Act, way_on: str) -> None:
    case = this.case
    in_use = BankAccount.objects.filter(household_id=case.household_id, is_active=True)
    reason = unpayable(case.payee_account, in_use)
    if reason:
        raise ApprovalVoid(f"{reason}{way_on}")


def unpayable(account: BankAccount, in_use: Iterable[BankAccount]) -> str:
    """ "" or why nobody may be paid there any more. `in_use` are the accounts that the household uses now."""
    holder = account.holder
    if holder.died_on:
        return _("%(name)s 登记为 %(day)s 去世，不能付到这个账户。") % {
            "name": holder.name,
            "day": holder.died_on.isoformat(),
        }
    if (holder.pk, account.number_index) not in {(other.holder_id, other.number_index) for other in in_use}:
        return _("这家换了收款账户，不能付到旧账户。")
    return ""


def payee_of(account: BankAccount) -> funds.Payee:
    """The payee as the payment will keep it."""
    return funds.Payee(
        name=account.holder.name,
        person_key=account.holder.person_key,
        account_no=vault.unseal(account.number_sealed, row=account.number_row),
        account_index=account.number_index,
        account_kind=account.kind,
        bank=account.bank,
        recorded_by_key=account.recorded_by.person_key if account.recorded_by else "",
    )


def _payment(this: Act, *states: str) -> Payment:
    """The case's payment in one of these states. Data: payment_id, when that one is meant and no later one."""
    rows = Payment.objects.filter(subject=this.case.subject, state__in=states)
    if this.data.get("payment_id"):
        rows = rows.filter(pk=this.data["payment_id"])
    payment = (
        rows.select_for_update(of=("self",)).select_related("batch", "reservation__allocation").order_by("-id").first()
    )
    if payment is None:
        raise BadCaseData(_("这一件没有处在这一步的付款。"))
    this.note |= {"payment": payment.pk, "batch": payment.batch.number}
    return payment


@before("check_payment")
def second_pair_of_eyes(this: Act) -> None:
    payment = _with_its_batch(this)
    if payment.batch.state != PaymentBatch.State.DRAFT:
        raise BadCaseData(_("这一批已经复核过了。"))


@before("release_payment")
def hand_to_the_bank(this: Act) -> None:
    payment = _with_its_batch(this)
    _refuse_unpayable(this, _("请先把这一笔移出这一批。"))
    funds.send(payment)
    this.moves_money = True


def _with_its_batch(this: Act) -> Payment:
    """Data: batch_id. A batch is checked and released as a whole (casework.payments), never line by line."""
    payment = _payment(this, "listed")
    if payment.batch_id != this.data.get("batch_id"):
        raise BadCaseData(_("付款要整批复核、整批放行，请到批次页面办。"))
    return payment


@before("unlist_payment")
def take_off_the_list(this: Act) -> None:
    funds.unlist_payment(_payment(this, "listed"))


@before("payment_credited")
def bank_credited(this: Act) -> None:
    """Data: payment_id, bank_reference, answered_on (ISO date, default today)."""
    funds.credit(
        _payment(this, "sent", "unknown"),
        bank_reference=this.data.get("bank_reference", ""),
        answered_on=_answered_on(this),
    )
    this.moves_money = True


@before("payment_bounced")
def bank_returned(this: Act) -> None:
    """Data: payment_id, bank_reference, answered_on; the reason of the act is the bank's reason."""
    funds.bounce(
        _payment(this, "sent", "unknown"),
        bank_reference=this.data.get("bank_reference", ""),
        reason=this.reason,
        answered_on=_answered_on(this),
    )
    this.moves_money = True


@before("payment_unknown")
def bank_cannot_say(this: Act) -> None:
    """Data: payment_id; the reason of the act is what the bank said."""
    funds.lose(_payment(this, "sent", "unknown"))


def _answered_on(this: Act) -> datetime.date:
    given = this.data.get("answered_on")
    return datetime.date.fromisoformat(given) if given else this.today


@before("correct_account")
def another_account(this: Act) -> None:
    """Data: account_id, the household's new active account. The payee stays the person who was approved."""
    case = this.case
    account = BankAccount.objects.filter(
        pk=this.data.get("account_id"), household_id=case.household_id, is_active=True
    ).first()
    if account is None:
        raise BadCaseData(_("请先登记这家的新账户。"))
    returned = Payment.objects.filter(subject=case.subject, state="returned").latest("id")
    if account.number_index == returned.account_index and account.holder.name == returned.payee_name:
        raise BadCaseData(_("账号和户名跟退回的一样，改过再交。"))
    if account.holder_id != case.payee_account.holder_id:
        raise BadCaseData(_("换了收款人，要重新审批，不能在这里改。"))
    case.payee_account = account


@after("payment_bounced", "correct_account")
def the_fund_manager_goes_on_when_the_account_is_right(this: Act) -> None:
    """The village's turn ends within the state, and the next one begins with a deadline of its own."""
    case = this.case
    back = returned_payment(case)
    if back is not None and not waits_for_village(case, back):
        this.turn_role = case.spec.edge(case.state, "reissue").roles[0]
        this.due_on = calendar.add(this.today, case.rules.deadline(case.state))


@after("payment_credited")
def plan_the_follow_up(this: Act) -> None:
    case = this.case
    if case.state == "makeup":
        case.makeup_due_on = calendar.add(this.today, case.rules.makeup)
        this.due_on = case.makeup_due_on
        return
    plan_visits(this)


def plan_visits(this: Act) -> None:
    """Visits at the days after payment that the rules name."""
    dates = [this.today + datetime.timedelta(days=days) for days in this.case.rules.follow_up_days]
    for date in dates:
        FollowUpVisit.objects.create(case=this.case, due_on=date)
    if dates:
        this.due_on = dates[0]


def release_reservation(this: Act) -> None:
    """Give back what the case still holds, if it holds anything."""
    reservation = funds.held_reservation(this.case.subject)
    if reservation is not None:
        funds.release(reservation, reason=this.reason)
        this.moves_money = True
