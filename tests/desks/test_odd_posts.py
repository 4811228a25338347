"""What an unlucky or a hostile person sends: too long, twice, late, or from a page that has been overtaken."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from casework.desks.funds import batch_answers
from casework.desks.funds.forms import new_key
from casework.models import Case
from funds import services as funds
from funds.models import Payment, PaymentBatch, Transfer
from tests.desks.test_funds import a_batch, payment_of
from tests.world import START, World, case_now

LONG = "银行的原话" * 200  # as many characters as the form takes


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post_act(staff: Any, case: Case, action: str, **fields: Any) -> Any:
    return log_in(staff).post(reverse("cases:act", args=[case.pk, action]), {"key": new_key(), **fields})


@pytest.mark.parametrize("wanted", ["1000元", "x/../y", "a b", "?q=1", "#x", "home"])
@pytest.mark.parametrize("page", ["/preferences/", "act"])
def test_a_way_back_that_is_no_path_leads_to_the_page_itself(world: World, page: str, wanted: str) -> None:
    if page == "act":
        case = world.open()
        answer = post_act(world.village_clerk, case, "triage", next=wanted)
        assert answer["Location"] == f"/cases/{case.pk}/"
        assert case_now(case).state == "triaged"
    else:
        assert Client().post(page, {"text": "large", "next": wanted})["Location"] == page


# ---------------------------------------------------------------- long words


def test_the_banks_words_are_kept_whole_however_long(world: World) -> None:
    case = world.brought_to("fund_reserved")
    a_batch(world, case, upto="released")

    answer = post_act(
        world.cashier,
        case,
        "payment_bounced",
        payment_id=payment_of(case).pk,
        answered_on=START.isoformat(),
        reason=LONG,
    )

    assert (answer.status_code, case_now(case).state) == (302, "payment_returned")
    assert payment_of(case).returned_reason == LONG
    assert Transfer.objects.latest("id").reason == LONG


def test_a_long_reason_for_giving_money_back_is_kept_whole(world: World) -> None:
    case = world.brought_to("fund_reserved")

    answer = post_act(world.fund_manager, case, "send_back", reason=LONG)

    assert (answer.status_code, case_now(case).state) == (302, "township_review")
    assert Transfer.objects.latest("id").reason == LONG
    assert funds.held_reservation(case.subject) is None


# ---------------------------------------------------------------- the bank's answers


def states_of(batch: PaymentBatch) -> list[str]:
    return list(Payment.objects.filter(batch=batch).order_by("id").values_list("state", flat=True))


def confirmed(page: Any) -> dict[str, str]:
    """What the button of the preview sends."""
    return dict(page.context["fields"]) | {"confirm": "1"}


@pytest.fixture
def two_lines(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[PaymentBatch, Client, str]:
    """A batch of two lines that are with the bank, on pages of one line each."""
    monkeypatch.setattr(batch_answers, "LINES", 1)
    batch = a_batch(world, world.brought_to("fund_reserved"), world.brought_to("fund_reserved"), upto="released")
    return batch, log_in(world.cashier), reverse("funds:answers", args=[batch.pk])


def test_pressed_twice_the_rest_is_the_rest_of_the_page_that_was_shown(two_lines: Any) -> None:
    batch, client, url = two_lines
    shown = client.post(url, {"key": new_key(), "answered_on": START.isoformat(), "rest": "1"})

    answers = [client.post(url, confirmed(shown)) for _press in range(2)]

    assert states_of(batch) == ["credited", "sent"]
    assert [answer["Location"] for answer in answers] == [reverse("funds:batch", args=[batch.pk])] * 2
    assert Transfer.objects.filter(kind="settle").count() == 1


def test_the_rest_is_never_taken_unseen(two_lines: Any) -> None:
    batch, client, url = two_lines

    client.post(url, {"key": new_key(), "answered_on": START.isoformat(), "rest": "1", "confirm": "1"})

    assert states_of(batch) == ["sent", "sent"]


def test_answers_that_somebody_else_recorded_meanwhile_are_not_half_taken(world: World, two_lines: Any) -> None:
    batch, client, url = two_lines
    shown = client.post(url, {"key": new_key(), "answered_on": START.isoformat(), "rest": "1"})
    first = batch.payments.order_by("id").first()
    post_act(
        world.fund_manager,
        Case.objects.get(pk=int(first.subject.removeprefix("case:"))),
        "payment_bounced",
        payment_id=first.pk,
        answered_on=START.isoformat(),
        reason="已销户",
    )

    late = client.post(url, confirmed(shown))

    assert "有几笔刚才别人已经记了" in late.content.decode()
    assert states_of(batch) == ["returned", "sent"]


def test_no_clear_answer_moves_no_money_and_sends_nothing_again(world: World) -> None:
    case = world.brought_to("fund_reserved")
    batch = a_batch(world, case, upto="released")
    payment, transfers = payment_of(case), Transfer.objects.count()
    client, url = log_in(world.cashier), reverse("funds:answers", args=[batch.pk])
    asked = {"answered_on": START.isoformat(), f"outcome-{payment.pk}": "unknown"}

    wordless = client.post(url, {"key": new_key(), **asked})
    shown = client.post(url, {"key": new_key(), **asked, f"note-{payment.pk}": "柜台说系统查不到，明天再问"})
    client.post(url, confirmed(shown))

    assert "请写下银行的原话" in wordless.content.decode()
    assert (payment_of(case).state, case_now(case).state) == ("unknown", "in_payment")
    assert case.events.last().reason == "柜台说系统查不到，明天再问"
    assert Transfer.objects.count() == transfers
    assert post_act(world.fund_manager, case, "reissue").status_code == 409
    assert Payment.objects.filter(subject=case.subject).count() == 1


@pytest.mark.parametrize(("action", "state"), [("payment_credited", "paid"), ("payment_bounced", "payment_returned")])
def test_after_no_clear_answer_the_real_one_is_recorded(world: World, action: str, state: str) -> None:
    case = world.brought_to("fund_reserved")
    a_batch(world, case, upto="released")
    payment = payment_of(case)
    for words in ("没有回音", "还是没有回音"):
        assert post_act(world.cashier, case, "payment_unknown", payment_id=payment.pk, reason=words).status_code == 302

    answer = post_act(
        world.cashier, case, action, payment_id=payment.pk, answered_on=START.isoformat(), reason="已销户"
    )

    assert (answer.status_code, case_now(case).state) == (302, state)
    assert [event.action for event in case.events.all()][-3:] == ["payment_unknown", "payment_unknown", action]
