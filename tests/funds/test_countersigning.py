"""The second person answers for herself: asked, confirmed, objected to, withdrawn. And the laws of it, tried in raw SQL."""

import datetime
from typing import Any

import pytest
from django.db import transaction

from audit import clock
from audit.verify import verify
from funds import cash, closing, countersigning, imprest, ledger, proposals, recoveries, services, stock
from funds.errors import ImprestBlocked, NotYours, ReceiptUsed, SamePerson, SecondPerson, WrongPaymentState
from funds.models import CashHandover, Countersign, ImprestSpend, Payment, StockSlip, Transfer
from tests.audit.attack import run
from tests.countersigns import a_receipt, asked
from tests.funds.floats import a_float, decided, handed_out, second
from tests.funds.shelves import a_store, an_item, issued, key, on_hand, stocked
from tests.funds.test_ledger import refuses
from tests.world import START, World, make_staff

pytestmark = pytest.mark.django_db
TWO = ("township_clerk", "resident_cadre")


def cash_payments(world: World, count: int = 1) -> list[Payment]:
    """Payments of one batch of cash, with those who carry it to the families."""
    batch = services.open_batch(number=f"现金{count}", title="", by=world.fund_manager, cash_reason="没有账户")
    for n in range(count):
        payee = services.Payee("江正一", None, "", "", "cash", "", "")
        services.list_payment(decided(world, 1_000, f"case:9100{n:02d}"), batch, payee, key=f"cash:{n}")
    services.check_batch(batch, by=world.fund_checker)
    services.release_batch(batch, by=world.cashier)
    found = list(batch.payments.order_by("id").select_related("batch", "reservation__allocation"))
    for payment in found:
        services.send(payment)
    ledger.settle_now()
    return found


def given(
    world: World, payment: Payment, receipt: str = "", *, payers: tuple[str, str] = TWO, shares: bool = False,
    day: datetime.date = START,
) -> CashHandover:  # fmt: skip
    one, two = (getattr(world, name) for name in payers)
    handover = services.Handover((one, two), day, "家里", "signature", "江正一", receipt or a_receipt(), shares)
    return cash.hand_over(payment, handover)


def state_of(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).state


# --- cash ------------------------------------------------------------------------------------------------------------


def test_cash_has_arrived_once_the_second_person_says_so(world: World) -> None:
    (payment,) = cash_payments(world)
    made = given(world, payment)

    assert state_of(payment) == "sent" and not Transfer.objects.filter(payment=payment, kind="settle").exists()
    (question,) = countersigning.waiting_for(world.resident_cadre)
    assert question.handover == made and not countersigning.waiting_for(world.township_clerk).exists()
    for _press in range(2):
        countersigning.confirm(question.pk, by=world.resident_cadre)
    ledger.settle_now()

    answered = asked()
    assert (answered.answer, answered.answered_by, answered.answered_on) == ("confirmed", world.resident_cadre, START)
    assert state_of(payment) == "credited" and Transfer.objects.filter(payment=payment, kind="settle").count() == 1
    last = Countersign.history.filter(id=question.pk).latest("history_id")
    assert (last.answer, last.history_user_id) == ("confirmed", world.resident_cadre.pk)
    assert not countersigning.waiting_for(world.resident_cadre).exists() and not verify().problems


def test_another_account_of_the_same_person_may_answer_and_nobody_else(world: World) -> None:
    (payment,) = cash_payments(world)
    question = given(world, payment).countersign
    for other in (world.township_clerk, world.fund_manager, world.village_head):
        with pytest.raises(NotYours, match="本人确认"), transaction.atomic():
            countersigning.confirm(question.pk, by=other)
    assert state_of(payment) == "sent"

    twin = make_staff("cadre_again", "x", key=world.resident_cadre.person_key)
    countersigning.confirm(question.pk, by=twin)
    assert state_of(payment) == "credited"


def test_what_she_objects_to_stays_and_the_payment_may_be_recorded_anew(world: World) -> None:
    (payment,) = cash_payments(world)
    first = given(world, payment)
    with pytest.raises(SecondPerson, match="写明"), transaction.atomic():
        countersigning.object_to(first.countersign.pk, by=world.resident_cadre, words=" ")
    with pytest.raises(WrongPaymentState, match="已经有人记过"), transaction.atomic():
        given(world, payment)
    countersigning.object_to(first.countersign.pk, by=world.resident_cadre, words="我那天没有去")

    assert state_of(payment) == "sent" and [o.pk for o in countersigning.open_objections()] == [first.countersign.pk]
    with pytest.raises(SecondPerson, match="答复"), transaction.atomic():
        countersigning.confirm(first.countersign.pk, by=world.resident_cadre)
    with pytest.raises(SecondPerson, match="重新记"), transaction.atomic():
        countersigning.ask_again(first.countersign.pk, by=world.fund_checker)
    anew = given(world, payment, payers=("township_clerk", "village_clerk"))
    assert not countersigning.open_objections().exists()
    countersigning.confirm(anew.countersign.pk, by=world.village_clerk)
    assert state_of(payment) == "credited" and CashHandover.objects.filter(payment=payment).count() == 2


def test_cash_does_not_come_back_while_the_second_person_is_asked(world: World) -> None:
    (payment,) = cash_payments(world)
    question = given(world, payment).countersign
    back: dict[str, Any] = {"bank_reference": "", "reason": "没有领取", "answered_on": START}
    with pytest.raises(WrongPaymentState, match="等另一个经手人"), transaction.atomic():
        services.bounce(payment, **back)
    refuses(
        "UPDATE funds_payment SET state = 'returned', returned_reason = 'x' WHERE state = 'sent'",
        match="has not answered",
    )

    countersigning.object_to(question.pk, by=world.resident_cadre, words="没有发")
    services.bounce(Payment.objects.get(pk=payment.pk), **back)
    assert state_of(payment) == "returned" and not countersigning.open_objections().exists()


def test_the_fund_desk_withdraws_what_she_cannot_answer_and_nobody_does_who_named_her(world: World) -> None:
    (payment,) = cash_payments(world)
    question = given(world, payment, payers=("fund_manager", "resident_cadre")).countersign
    with pytest.raises(SamePerson, match="另一个人"), transaction.atomic():
        countersigning.object_to(question.pk, by=world.fund_manager, words="已离任")
    with pytest.raises(NotYours), transaction.atomic():
        countersigning.object_to(question.pk, by=world.village_head, words="已离任")
    countersigning.object_to(question.pk, by=world.fund_checker, words="已离任")

    withdrawn = asked()
    assert withdrawn.is_withdrawn and withdrawn.answered_by == world.fund_checker
    assert given(world, payment, payers=("fund_manager", "village_clerk")).pk


# --- one receipt, one handing-over -----------------------------------------------------------------------------------


def test_a_receipt_proves_one_handing_over_of_cash_or_of_a_float(world: World) -> None:
    one, two = cash_payments(world, 2)
    receipt = a_receipt()
    first = given(world, one, receipt)
    with pytest.raises(ReceiptUsed, match="已经用在另一笔"), transaction.atomic():
        given(world, two, receipt)
    with pytest.raises(ReceiptUsed), transaction.atomic():
        given(world, two, receipt, shares=True)  # the first one says that it is its own
    handover = services.Handover((world.township_clerk, second(world)), START, "家里", "signature", "江正一", receipt)
    box = a_float(world)
    with pytest.raises(ReceiptUsed), transaction.atomic():
        imprest.spend(
            box,
            decided(world, 1_000, "case:920000"),
            handover,
            payee_name="江",
            cap_fen=10**6,
            overdue_makeups=0,
            due_on=START,
        )
    assert not ImprestSpend.objects.exists()

    countersigning.object_to(first.countersign.pk, by=world.resident_cadre, words="拍错了")
    assert given(world, two, receipt).pk  # what was objected to proves nothing


def test_one_sheet_serves_several_families_of_one_batch_and_day(world: World) -> None:
    one, two, three = cash_payments(world, 3)
    sheet = a_receipt()
    given(world, one, sheet, shares=True)
    given(world, two, sheet, shares=True)
    with clock.frozen_at(START + datetime.timedelta(days=1)), pytest.raises(ReceiptUsed), transaction.atomic():
        given(world, three, sheet, shares=True, day=START + datetime.timedelta(days=1))
    assert CashHandover.objects.filter(receipt_sha256=sheet).count() == 2


# --- money of a float ------------------------------------------------------------------------------------------------


def test_papers_wait_until_the_second_person_has_confirmed_it(world: World) -> None:
    box = a_float(world)
    paid = handed_out(world, box, decided(world, 1_000), confirmed=False)
    assert imprest.holding(box).handed_out_fen == 1_000  # the money has left the box
    with pytest.raises(SecondPerson, match="还没有确认"), transaction.atomic():
        imprest.accept(paid.subject)
    with pytest.raises(SecondPerson, match="还没有确认"), transaction.atomic():
        recoveries.begin(paid.reservation, owed_fen=400, reason="多发")
    refuses("UPDATE funds_imprestspend SET settled_fen = settled_fen + 1", match="has not confirmed")

    countersigning.confirm(paid.countersign.pk, by=second(world))
    assert imprest.accept(paid.subject) == 1_000


def test_a_float_is_blocked_while_something_handed_out_is_objected_to(world: World) -> None:
    box = a_float(world)
    paid = handed_out(world, box, decided(world, 1_000), confirmed=False)
    countersigning.object_to(paid.countersign.pk, by=second(world), words="我没有去过")
    with pytest.raises(ImprestBlocked, match="说不是这样"), transaction.atomic():
        handed_out(world, box, decided(world, 500, "case:920001"))
    with pytest.raises(SecondPerson, match="说不是这样"), transaction.atomic():
        imprest.accept(paid.subject)

    debt = recoveries.begin(paid.reservation, owed_fen=1_000, reason="没有发到")
    recoveries.record(debt.pk, 1_000, key="back")
    assert handed_out(world, box, decided(world, 500, "case:920001")).pk


def test_an_objection_by_mistake_is_asked_again_by_the_fund_desk(world: World) -> None:
    box = a_float(world)
    paid = handed_out(world, box, decided(world, 1_000), confirmed=False)
    first = paid.countersign
    with pytest.raises(SecondPerson, match="不用再问"), transaction.atomic():
        countersigning.ask_again(first.pk, by=world.fund_manager)
    countersigning.object_to(first.pk, by=second(world), words="按错了")
    with pytest.raises(NotYours), transaction.atomic():
        countersigning.ask_again(first.pk, by=world.village_clerk)
    fresh = [countersigning.ask_again(first.pk, by=world.fund_manager) for _press in range(2)]
    assert fresh[0] == fresh[1] != first and not countersigning.open_objections().exists()

    countersigning.confirm(fresh[0].pk, by=second(world))
    assert imprest.accept(paid.subject) == 1_000 and Countersign.objects.get(pk=first.pk).words == "按错了"


def test_what_nobody_gets_back_of_it_is_written_off_by_two_others(world: World) -> None:
    box = a_float(world)
    paid = handed_out(world, box, decided(world, 1_000), confirmed=False)
    countersigning.object_to(paid.countersign.pk, by=second(world), words="没有发到")
    debt = recoveries.begin(paid.reservation, owed_fen=1_000, reason="没有发到")
    proposed = recoveries.propose_write_off(
        debt, 1_000, by=world.fund_manager, key="w", reason="追不回", document_no="1 号"
    )
    proposals.confirm(proposed.pk, by=world.fund_checker)

    assert ImprestSpend.objects.get(pk=paid.pk).settled_fen == 1_000 and not countersigning.open_objections().exists()


# --- goods -----------------------------------------------------------------------------------------------------------


def an_issue(world: World, **more: Any) -> StockSlip:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    return issued(world, store, quilt, 2, witness=world.village_clerk, **more)


def test_goods_count_at_once_and_their_witness_is_asked(world: World) -> None:
    slip = an_issue(world)
    assert on_hand(slip.store, slip.moves.get().lot.item) == 3
    (question,) = countersigning.waiting_for(world.village_clerk)
    countersigning.confirm(question.pk, by=world.village_clerk)
    assert slip.countersign.answer == "confirmed" and not verify().problems


def test_nobody_is_asked_where_nobody_bore_witness(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    assert issued(world, store, quilt, 1).countersign is None


def test_closing_a_month_names_slips_that_were_objected_to_until_they_are_reversed(world: World) -> None:
    def told() -> dict[str, int]:
        return {found.code: found.count for found in closing.findings(world.county, START.year, START.month)}

    slip = an_issue(world)
    assert (told()["unconfirmed"], told()["goods_objected"]) == (1, 0)
    countersigning.object_to(slip.countersign.pk, by=world.village_clerk, words="只发了一床")
    assert (told()["unconfirmed"], told()["goods_objected"]) == (0, 1)
    stock.reverse(slip, by=world.township_clerk, key=key(), reason="只发了一床")
    assert told()["goods_objected"] == 0


def test_a_loss_asks_its_witness(world: World) -> None:
    store, chair = a_store(world), an_item(world, "轮椅", "辆", is_loaned=True)
    stocked(world, store, chair, 1)
    slip = issued(world, store, chair, 1)
    lost = stock.lose(
        slip, [(slip.moves.get(), 1)], by=world.township_clerk, witness=world.village_clerk, key=key(), reason="丢了"
    )
    assert lost.countersign.asked == world.village_clerk


# --- the laws, in raw SQL --------------------------------------------------------------------------------------------

_COPY = (
    "INSERT INTO funds_cashhandover (payment_id, payer_one_id, payer_one_key, payer_two_id, payer_two_key, handed_on, place,"
    " signed_how, received_by, receipt_sha256) SELECT payment_id, payer_one_id, payer_one_key, payer_two_id, payer_two_key,"
    " handed_on, place, signed_how, received_by, {receipt} FROM funds_cashhandover"
)


def answer(who: str, words: str = "''", answer: str = "'confirmed'") -> str:
    return (
        f"UPDATE funds_countersign SET answer = {answer}, answered_by_id = s.id, answered_person_key = s.person_key,"
        f" answered_on = asked_on, words = {words} FROM access_staff s WHERE s.username = '{who}'"
    )


def test_nothing_by_two_persons_is_committed_without_asking_the_second(world: World) -> None:
    (payment,) = cash_payments(world)
    question = given(world, payment).countersign
    countersigning.object_to(question.pk, by=world.resident_cadre, words="x")
    refuses(_COPY.format(receipt="'x'") + "; SET CONSTRAINTS ALL IMMEDIATE", match="was not asked")
    an_issue(world)
    refuses(
        "INSERT INTO funds_stockslip (key, kind, store_id, year, serial, number, subject, made_on, recorded_at, maker_id,"
        " maker_person_key, witness_id, witness_person_key, household_no, household_name, village_id, receiver, reason)"
        " SELECT 'x', kind, store_id, year, serial + 1, 'x', subject, made_on, recorded_at, maker_id, maker_person_key,"
        " witness_id, witness_person_key, household_no, household_name, village_id, receiver, reason FROM funds_stockslip"
        " WHERE kind = 'issue'; SET CONSTRAINTS ALL IMMEDIATE",
        match="was not asked",
    )


def test_no_float_pays_without_asking_the_second(world: World) -> None:
    box = a_float(world)
    paid = handed_out(world, box, decided(world, 1_000))
    decided(world, 1_000, "case:other")
    refuses(
        "INSERT INTO funds_imprestspend (float_id, subject, reservation_id, amount_fen, payee_name, payer_one_id, payer_one_key,"
        " payer_two_id, payer_two_key, paid_on, place, signed_how, received_by, receipt_sha256, due_on, settled_fen, back_fen)"
        " SELECT float_id, 'case:other', (SELECT id FROM funds_reservation WHERE subject = 'case:other'), amount_fen, payee_name,"
        " payer_one_id, payer_one_key, payer_two_id, payer_two_key, paid_on, place, signed_how, received_by,"
        f" '{a_receipt()}', due_on, 0, 0 FROM funds_imprestspend WHERE id = {paid.pk};"
        " SET CONSTRAINTS funds_asked IMMEDIATE",
        match="was not asked",
    )


def test_a_payment_is_handed_over_once_and_by_its_own_receipt(world: World) -> None:
    (payment,) = cash_payments(world)
    given(world, payment)
    refuses(_COPY.format(receipt="'x'"), match="handed over already")


def test_a_receipt_is_not_used_twice_in_raw_sql_either(world: World) -> None:
    one, two = cash_payments(world, 2)
    given(world, one)
    refuses(
        _COPY.format(receipt="receipt_sha256").replace("SELECT payment_id", f"SELECT {two.pk}"),
        match="proves one handing-over",
    )


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        (answer("township_clerk"), "whom she named"),
        (answer("fund_checker"), "confirmed_by_whom_was_asked"),
        (answer("resident_cadre", answer="'objected'"), "objection_says_why"),
        (answer("township_clerk", "'x'", "'objected'"), "whom she named"),
        (answer("resident_cadre").replace("s.person_key, answered_on", "'x', answered_on"), "somebody else"),
        ("UPDATE funds_countersign SET answer = 'confirmed'", "countersign_answered_by_somebody"),
        ("UPDATE funds_countersign SET asked_on = asked_on - 1", "stays"),
        ("DELETE FROM funds_countersign", "stays"),
        ("TRUNCATE funds_countersign", "truncate|TRUNCATE|append"),
        (answer("resident_cadre") + "; SET CONSTRAINTS ALL IMMEDIATE", "has not arrived"),
        ("UPDATE funds_payment SET state = 'credited' WHERE state = 'sent'", "not handed over by two persons"),
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_only_she_answers_and_her_answer_moves_the_money(world: World, statement: str, match: str, role: str) -> None:
    (payment,) = cash_payments(world)
    given(world, payment)
    run(f"SET LOCAL session_replication_role = {role}")
    refuses(statement, match=match)


@pytest.mark.parametrize("by_hand", ["confirmed", "objected"])
def test_an_answer_is_given_once(world: World, by_hand: str) -> None:
    (payment,) = cash_payments(world)
    question = given(world, payment).countersign
    if by_hand == "confirmed":
        countersigning.confirm(question.pk, by=world.resident_cadre)
    else:
        countersigning.object_to(question.pk, by=world.resident_cadre, words="x")
    for change in ("answer = ''", "answer = 'objected', words = 'y'", "words = 'y'", "answered_on = answered_on - 1"):
        refuses(f"UPDATE funds_countersign SET {change}", match="stays")
    refuses("DELETE FROM funds_countersign", match="stays")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            "s.payer_two_id, s.payer_two_key, s.subject, 'confirmed', s.payer_two_id, s.payer_two_key, s.paid_on",
            "whom she named",
        ),
        ("s.payer_one_id, s.payer_one_key, s.subject, '', NULL, NULL, NULL", "somebody else was the second"),
        ("s.payer_two_id, s.payer_two_key, 'case:1', '', NULL, NULL, NULL", "somebody else was the second"),
        ("s.payer_two_id, s.payer_two_key, s.subject, '', NULL, NULL, NULL", "one_living_countersign_a_spend"),
    ],
)
def test_a_question_is_asked_once_and_of_the_second_person(world: World, change: str, match: str) -> None:
    handed_out(world, a_float(world), decided(world, 1_000))
    refuses(
        "INSERT INTO funds_countersign (spend_id, asked_id, asked_person_key, subject, answer, answered_by_id,"
        f" answered_person_key, answered_on, asked_on, words) SELECT s.id, {change}, s.paid_on, '' FROM funds_imprestspend s",
        match=match,
    )


def test_the_witness_of_a_slip_is_asked_once(world: World) -> None:
    an_issue(world)
    refuses(
        "INSERT INTO funds_countersign (slip_id, asked_id, asked_person_key, subject, answer, asked_on, words)"
        " SELECT id, witness_id, witness_person_key, subject, '', made_on, '' FROM funds_stockslip WHERE kind = 'issue'",
        match="one_living_countersign_a_slip",
    )
