"""Paying: listed, checked, released, answered by the bank, sent again when it came back."""

import datetime
from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import vault
from access.models import Staff
from casework import handing_out
from casework.acting import Act, after, before
from casework.digests import approval_digest
from casework.errors import ApprovalVoid, BadCaseData, TooEarly
from casework.models import Case, FollowUpVisit
from casework.reissuing import returned_payment, waits_for_village
from families.models import BankAccount, Person
from flows import calendar
from funds import cash, countersigning, instalments, providers
from funds import services as funds
from funds.models import Countersign, Payment, PaymentBatch, Provider

CHANGED_SINCE_IT_CAME_BACK = gettext_lazy("银行退回以后账户或材料改过，还没有人签字。请退回审批，审批以后再付。")


@before("list_payment", "pay_from_imprest")
def nothing_changed_since_approval(this: Act) -> None:
    case = this.case
    if case.state == "between_payments":
        _same_payee_as_before(this)
        return
    if approval_digest(case) == case.approved_digest:
        return
    if Payment.objects.filter(subject=case.subject, state=Payment.State.RETURNED).exists():
        raise ApprovalVoid(str(CHANGED_SINCE_IT_CAME_BACK))
    raise ApprovalVoid(_("批准以后材料有变动，签字已经失效。请退回审批。"))


def _same_payee_as_before(this: Act) -> None:
    """A later part goes where the last one arrived. The amount is bound by the plan, and papers that came since show how
    the help goes on, so the digest of what was approved is not asked again."""
    last = Payment.objects.filter(subject=this.case.subject, state=Payment.State.CREDITED).latest("id")
    because = another_account_than(last, payee_of(this.case).account_index)
    if because:
        raise ApprovalVoid(because)


def another_account_than(last: Payment, account_index: str) -> str:
    """ "" or why the next part does not go to this account; cash went to none."""
    if last.batch.is_cash or last.account_index == account_index:
        return ""
    return _("收款账户跟上一期不一样，还没有人签字。请停止发放，或改回原来的账户。")


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
    back = returned_payment(case)
    if this.action == "reissue":
        _account_was_mended(this, back)
    else:
        case.return_to = case.state
    _refuse_unpayable(this, _("请退回，由村里改好重新上报。"))
    attempt = Payment.objects.filter(subject=case.subject).count() + 1
    payment = funds.list_payment(
        reservation,
        batch,
        payee_of(case, cash=batch.is_cash),
        key=f"{case.subject}:pay:{attempt}",
        replaces=None if back is None or hasattr(back, "replaced_by") else back,
    )
    this.note |= {"payment": payment.pk, "batch": batch.number}


def _account_was_mended(this: Act, back: Payment | None) -> None:
    case = this.case
    if back is None:
        raise BadCaseData(_("没有被银行退回的付款，不用重发。"))
    now = case.provider or case.payee_account
    if (now.account_index if case.provider else now.number_index) != back.account_index:
        first_day = calendar.add(now.recorded_on, case.rules.account_wait)
        if this.today < first_day:
            raise TooEarly(_("账户刚改过，要等到 %(date)s 才能重发。") % {"date": first_day.isoformat()})


def _refuse_unpayable(this: Act, way_on: str) -> None:
    case = this.case
    in_use = BankAccount.objects.filter(household_id=case.household_id, is_active=True)
    reason = why_unpayable(case, in_use)
    if reason:
        raise ApprovalVoid(f"{reason}{way_on}")


def why_unpayable(case: Case, in_use: Iterable[BankAccount]) -> str:
    """ "" or why this case's money may not go out: to its family, or for it to a provider. `in_use` see `unpayable`."""
    return _died(case.beneficiary) if case.provider_id else unpayable(case.payee_account, in_use)


def unpayable(account: BankAccount, in_use: Iterable[BankAccount]) -> str:
    """ "" or why nobody may be paid there any more. `in_use` are the accounts that the household uses now."""
    holder = account.holder
    if holder.died_on:
        return _died(holder)
    if (holder.pk, account.number_index) not in {(other.holder_id, other.number_index) for other in in_use}:
        return _("这家换了收款账户，不能付到旧账户。")
    return ""


def refuse_the_dead(person: Person) -> None:
    """Raises ApprovalVoid: whoever died is not paid, whichever way."""
    if person.died_on is not None:
        raise ApprovalVoid(_("%(why)s请退回，由村里改好重新上报。") % {"why": _died(person)})


def _died(person: Person) -> str:
    if person.died_on is None:
        return ""
    return _("%(name)s 登记为 %(day)s 去世，不能付到这个账户。") % {
        "name": person.name,
        "day": person.died_on.isoformat(),
    }


def payee_of(case: Case, *, cash: bool = False) -> funds.Payee:
    """The payee as the payment will keep it: the family's account, a provider's, or a hand that takes cash."""
    if case.provider is not None:
        return providers.payee_of(case.provider)
    account = case.payee_account
    return funds.Payee(
        name=account.holder.name,
        person_key=account.holder.person_key,
        account_no="" if cash else vault.unseal(account.number_sealed, row=account.number_row),
        account_index="" if cash else account.number_index,
        account_kind="cash" if cash else account.kind,
        bank="" if cash else account.bank,
        recorded_by_key="" if cash or account.recorded_by is None else account.recorded_by.person_key,
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
    """It waits where it was listed from. A part that came back waits there for its account: nobody signed for another."""
    case = this.case
    funds.unlist_payment(_payment(this, "listed"))
    came_back = case.return_to == "between_payments" and returned_payment(case) is not None
    case.outcome = "payment_returned" if came_back else case.return_to


@before("payment_credited")
def bank_credited(this: Act) -> None:
    """Data: payment_id, bank_reference, answered_on (ISO date, default today)."""
    payment = _payment(this, "sent", "unknown")
    if payment.batch.is_cash:
        raise BadCaseData(_("这一笔发的是现金，请记「现金已发到手」，写明两个经手人和收条。"))
    funds.credit(payment, bank_reference=this.data.get("bank_reference", ""), answered_on=_answered_on(this))
    _it_arrived(this, payment)


@before("cash_handed")
def two_persons_gave_it(this: Act) -> None:
    """Data: payment_id, second_payer (staff id; she who acts is the first), handed_on, place, signed_how, received_by,
    document_id (the picture of the signed receipt, among the papers of the case), shares_receipt (one sheet, signed by
    several families). The second person is asked; until she confirms it, the payment stays with the payers."""
    payment, data = _payment(this, "sent", "unknown"), this.data
    receipt = this.case.papers.filter(document_id=data.get("document_id")).select_related("document").first()
    second = Staff.objects.filter(pk=data.get("second_payer"), is_active=True).first()
    if second is None:
        raise BadCaseData(_("请选另一个一起发钱的人。"))
    handing_out.demand_two(this.case, this.case.household_id, by=this.by, second=second)
    if receipt is None:
        raise BadCaseData(_("请先拍下签了字的收条，放进这一件的材料。"))
    cash.hand_over(
        payment,
        funds.Handover(
            payers=(this.by, second),
            handed_on=_answered_on(this),
            place=data.get("place", ""),
            signed_how=data.get("signed_how", "signature"),
            received_by=data.get("received_by") or payment.payee_name,
            receipt_sha256=receipt.document.sha256,
            shares_receipt=bool(data.get("shares_receipt")),
        ),
    )
    this.note["second_payer"] = second.pk


@before("confirm_cash")
def the_second_says_so_too(this: Act) -> None:
    """Data: payment_id. She who acts is the person that was named: the cash has arrived."""
    payment = _payment(this, "sent", "unknown")
    countersigning.confirm(_asked_about(payment).pk, by=this.by)
    _it_arrived(this, payment)


@before("object_to_cash")
def the_second_says_otherwise(this: Act) -> None:
    """Data: payment_id; the reason of the act is how it was. The payment stays with the payers and may be recorded anew. The
    fund desk may do the same in the stead of somebody who cannot answer."""
    payment = _payment(this, "sent", "unknown")
    asked = _asked_about(payment)
    countersigning.object_to(asked.pk, by=this.by, words=this.reason)
    this.note["second_payer"] = asked.asked_id


def _asked_about(payment: Payment) -> Countersign:
    given = cash.living(payment)
    if given is None:
        raise BadCaseData(_("还没有人记过这笔现金怎么发的。"))
    return given.countersign


def _it_arrived(this: Act, payment: Payment) -> None:
    """Where the case goes on: to the papers of an emergency, to the next part, or on.

    With the last part nothing more is paid, so what parts were checked down by is free again."""
    case, reservation = this.case, payment.reservation
    this.moves_money = True
    if case.tier == "T0" and not _was_ratified(case):
        case.outcome = "makeup"
    elif instalments.open_parts(reservation):
        case.outcome = "between_payments"
    else:
        case.outcome = "paid"
        if payment.amount_fen < reservation.amount_fen:
            funds.release(reservation, reason=_("各期都付完了，核查时少付的解锁。"))


def _was_ratified(case: Case) -> bool:
    """Whether somebody signed the papers that were made up after an emergency."""
    return case.events.filter(action="approve").exists()


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


@before("payment_clawed_back")
def bank_took_it_back(this: Act) -> None:
    """Data: payment_id, which help in parts must name, bank_reference, answered_on. What was credited comes back; the
    reason of the act is the bank's."""
    case = this.case
    credited = Payment.objects.filter(subject=case.subject, state=Payment.State.CREDITED)
    if not this.data.get("payment_id") and credited.count() > 1:
        raise BadCaseData(_("这一件到账的不止一笔，请写明银行退回的是哪一笔。"))
    payment = _payment(this, "credited")
    funds.claw_back(
        payment,
        bank_reference=this.data.get("bank_reference", ""),
        reason=this.reason,
        answered_on=_answered_on(this),
    )
    this.moves_money = True
    if case.state not in ("in_payment", "payment_returned"):  # there another part is on its way, and keeps its own
        is_a_part = payment.reservation.instalments.exists()
        case.return_to = "between_payments" if case.tier == "T0" or is_a_part else "fund_reserved"


@before("payment_unknown")
def bank_cannot_say(this: Act) -> None:
    """Data: payment_id; the reason of the act is what the bank said."""
    funds.lose(_payment(this, "sent", "unknown"))


def _answered_on(this: Act) -> datetime.date:
    given = this.data.get("answered_on")
    return datetime.date.fromisoformat(given) if given else this.today


@before("correct_account")
def another_account(this: Act) -> None:
    """Data: account_id, the household's new active account; or provider_id, the provider as it was recorded anew. The
    payee stays who was approved."""
    case = this.case
    returned = returned_payment(case)
    if returned is None:
        raise BadCaseData(_("没有被银行退回的付款，不用改账户。"))
    if case.provider is not None:
        provider = Provider.objects.filter(pk=this.data.get("provider_id"), ended_on__isnull=True).first()
        if provider is None or provider.name != case.provider.name or provider.account_index == returned.account_index:
            raise BadCaseData(_("请先由资金管理登记这个单位的新账户，再选它。"))
        case.provider = provider
        return
    account = BankAccount.objects.filter(
        pk=this.data.get("account_id"), household_id=case.household_id, is_active=True
    ).first()
    if account is None:
        raise BadCaseData(_("请先登记这家的新账户。"))
    if account.number_index == returned.account_index and account.holder.name == returned.payee_name:
        raise BadCaseData(_("账号和户名跟退回的一样，改过再交。"))
    if account.holder_id != case.payee_account.holder_id:
        raise BadCaseData(_("换了收款人，要重新审批，不能在这里改。"))
    case.payee_account = account


@after("payment_bounced", "payment_clawed_back", "correct_account", "unlist_payment")
def the_fund_manager_goes_on_when_the_account_is_right(this: Act) -> None:
    """The village's turn ends within the state, and the next one begins with a deadline of its own."""
    case = this.case
    back = returned_payment(case) if case.state == "payment_returned" else None
    if back is not None and not waits_for_village(case, back):
        this.turn_role = case.spec.edge(case.state, "reissue").roles[0]
        this.due_on = calendar.add(this.today, case.rules.deadline(case.state))


@after("payment_credited", "confirm_cash")
def plan_the_follow_up(this: Act) -> None:
    case = this.case
    if case.state == "makeup":
        case.makeup_due_on = calendar.add(this.today, case.rules.makeup)
        this.due_on = case.makeup_due_on
    elif not case.visits.filter(visited_on__isnull=True).exists():
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
