"""The second person's page: what she reads before she answers, her two answers, who else may see it, and what waits for whom."""

import datetime
from typing import Any

import pytest
from django.urls import reverse

from audit import clock
from casework.desks.acts import new_key
from casework.models import Case
from families.models import Document
from funds import imprest
from funds.models import CashHandover, Countersign, Payment
from tests.casework.test_rosters import LATER, with_the_bank
from tests.casework.test_rosters import handed as handed_of_a_list
from tests.countersigns import asked, confirmed, objected
from tests.desks.test_imprest import log_in as at_desk
from tests.desks.test_paying import handed, in_cash
from tests.funds.floats import a_float, decided, handed_out, second
from tests.funds.shelves import a_store, an_item, issued, stocked
from tests.world import START, World, case_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def cash_given(world: World) -> Case:
    """The fund manager has written down that she gave it together with the township's clerk."""
    case = world.brought_to("fund_reserved")
    payment = in_cash(world, case)
    answer = at_desk(world.fund_manager).post(reverse("funds:handed", args=[payment.pk]), handed(world))
    assert answer.status_code == 302, answer.content.decode()
    return case


def page(user: Any, name: str = "countersigns:home", *args: Any) -> str:
    answer = at_desk(user).get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def press(user: Any, answer: str, words: str = "", pk: int | None = None) -> Any:
    url = reverse("countersigns:one", args=[pk or asked().pk])
    return at_desk(user).post(url, {"key": new_key().removeprefix("web:"), "answer": answer, "words": words})


def test_she_reads_who_gave_what_to_whom_and_sees_the_receipt(world: World, cash_given: Case) -> None:
    question = asked()
    assert reverse("countersigns:one", args=[question.pk]) in page(world.township_clerk)
    told = page(world.township_clerk, "countersigns:one", question.pk)
    for words in ("fund_manager", "2,000", "家里", "本人", "按手印", cash_given.case_no, "2026"):
        assert words in told, words
    small = at_desk(world.township_clerk).get(reverse("countersigns:small", args=[question.pk]))
    assert small.status_code == 200 and small["Content-Type"] == "image/jpeg"
    whole = at_desk(world.township_clerk).get(reverse("countersigns:receipt", args=[question.pk]))
    assert b"".join(whole.streaming_content) == Document.objects.get(kind="cash_receipt").file.read()


def test_confirming_it_once_makes_the_cash_arrive(world: World, cash_given: Case) -> None:
    assert press(world.township_clerk, "confirm").status_code == 302
    assert case_now(cash_given).state == "paid" and asked().answered_by == world.township_clerk
    assert press(world.township_clerk, "confirm").status_code == 422
    assert "township_clerk 4月15日 确认" in page(world.fund_manager, "cases:detail", cash_given.pk).replace("\n", "")


def test_saying_that_it_was_not_so_wants_to_know_how_it_was(world: World, cash_given: Case) -> None:
    assert "请写明" in press(world.township_clerk, "object").content.decode()
    assert Countersign.objects.get().answer == "" and case_now(cash_given).state == "in_payment"
    assert press(world.township_clerk, "object", "我那天在县里开会").status_code == 302

    payment = Payment.objects.get(subject=cash_given.subject)
    desk = page(world.fund_checker)
    assert payment.state == "sent" and "我那天在县里开会" in desk
    batch = page(world.fund_manager, "funds:batch", payment.batch_id)
    assert "说不是这样" in batch and reverse("funds:handed", args=[payment.pk]) in batch


@pytest.mark.parametrize("name", ["village_head", "auditor", "other_clerk", "cashier"])
def test_nobody_else_sees_it_or_answers_it(world: World, cash_given: Case, name: str) -> None:
    user, question = getattr(world, name), asked()
    for where in ("one", "receipt", "small"):
        assert at_desk(user).get(reverse(f"countersigns:{where}", args=[question.pk])).status_code == 404
    assert press(user, "confirm").status_code == 404 and Countersign.objects.get().answer == ""


def test_whoever_named_her_reads_it_and_does_not_answer(world: World, cash_given: Case) -> None:
    told = page(world.fund_manager, "countersigns:one", asked().pk)
    assert 'name="answer"' not in told and press(world.fund_manager, "confirm").status_code == 200
    assert Countersign.objects.get().answer == ""


def test_the_fund_desk_withdraws_it_with_a_reason_and_cannot_confirm_it(world: World, cash_given: Case) -> None:
    assert "撤回这条记录" in page(world.fund_checker, "countersigns:one", asked().pk)
    assert press(world.fund_checker, "confirm").status_code == 422
    assert press(world.fund_checker, "object", "调走了").status_code == 302
    assert asked().is_withdrawn and "撤回了" in page(world.fund_checker, "countersigns:one", asked().pk)
    assert CashHandover.objects.count() == 1 and case_now(cash_given).state == "in_payment"


def test_cash_of_a_list_is_confirmed_on_the_same_page(world: World) -> None:
    _roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()
    with clock.frozen_at(LATER):
        handed_of_a_list(world, payment)
        assert "1 笔写着跟你一起经手" in page(world.resident_cadre, "village:todo")
        assert press(world.resident_cadre, "confirm").status_code == 302
    assert Payment.objects.get(pk=payment.pk).state == "credited"


def test_money_of_a_float_is_confirmed_and_shown_on_its_page(world: World) -> None:
    box = a_float(world)
    handed_out(world, box, decided(world, 60_000), confirmed=False)
    assert "备用金" in page(second(world)) and "等确认" in page(world.township_clerk, "funds:float", box.pk)
    press(second(world), "object", "我没有去")

    told = page(world.township_clerk, "funds:float", box.pk)
    assert "我没有去" in told and "说不是这样。追回来" in told
    question = asked()
    again = reverse("countersigns:again", args=[question.pk])
    assert again in page(world.fund_manager, "countersigns:one", question.pk)
    assert again not in page(second(world), "countersigns:one", question.pk)
    at_desk(world.fund_manager).post(again)
    press(second(world), "confirm")
    assert imprest.accept("case:900001") == 60_000


def test_the_witness_of_goods_reads_what_went_out_and_the_store_shows_her_objection(world: World) -> None:
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 5)
    slip = issued(world, store, quilt, 2, witness=world.village_clerk)
    assert "棉被 2 床" in page(world.village_clerk, "countersigns:one", asked().pk)
    assert "1 张单子等见证的人确认" in page(world.township_clerk, "stock:store", store.pk)
    assert slip.number in page(world.township_clerk, "stock:slips") + ""
    objected("只发了一床")

    told = page(world.township_clerk, "stock:store", store.pk)
    assert "只发了一床" in told and "结账以前" in told
    assert "只发了一床" in page(world.township_clerk, "stock:slip", slip.pk)


def test_what_nobody_answers_for_three_working_days_is_overdue_at_the_fund_desk(world: World, cash_given: Case) -> None:
    """Asked on a Wednesday, it may be answered until Monday."""
    for day, words in ((20, "等确认"), (21, "超期没有答复")):
        with clock.frozen_at(datetime.date(2026, 4, day)):
            assert words in page(world.fund_checker)
            menu = page(world.fund_checker, "funds:home")
            assert (reverse("countersigns:home") in menu) == (day == 21)
    with clock.frozen_at(START):
        confirmed()


def test_the_list_of_questions_asks_the_database_as_often_for_ten_as_for_one(
    world: World, django_assert_max_num_queries: Any
) -> None:
    box = a_float(world)
    for n in range(10):
        handed_out(world, box, decided(world, 1_000, f"case:93{n:04d}"), confirmed=False)
    client, url = at_desk(second(world)), reverse("countersigns:home")
    client.get(url)
    with django_assert_max_num_queries(12):
        client.get(url)
