"""The pages of the townships' floats: who sees which, who may do what, and what a township reads when it may not spend."""

import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit, Staff
from audit import clock
from casework.desks.acts import new_key as act_key
from casework.desks.funds.forms import new_key
from casework.models import CaseDocument
from funds import imprest, proposals
from funds import services as funds
from funds.errors import NotYours
from funds.models import ImprestCount, ImprestFloat, ImprestRefill, ImprestSpend, Proposal
from tests.casework.test_damaged_photos import photo
from tests.casework.test_no_dead_ends import emergency
from tests.desks.test_budget import stranger as neighbour
from tests.funds.floats import a_float, allocation_of, decided, handed_out, key, second, second_clerk
from tests.world import START, World, case_now, make_staff


def log_in(staff: Staff) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(client: Client, name: str, *args: Any) -> str:
    page = client.get(reverse(name, args=args))
    assert page.status_code == 200, page.status_code
    return page.content.decode()


def stranger(world: World) -> Staff:
    """A fund manager of another county."""
    elsewhere = OrgUnit.objects.exclude(pk=world.county.pk).filter(level="county").first()
    staff = make_staff("stranger", "x")
    if elsewhere is not None:
        access.appoint(staff, "fund_manager", elsewhere, by=None, valid_from=START)
    return staff


def test_the_county_sets_a_limit_with_two_persons_and_advances_the_money(world: World) -> None:
    manager, checker = log_in(world.fund_manager), log_in(world.fund_checker)
    given = {
        "key": new_key(), "allocation": allocation_of(world).pk, "limit_fen": "5000", "custodian": world.township_clerk.pk,
        "reason": "备灾", "document_no": "禾财 5",
    }  # fmt: skip
    for _press in range(2):
        assert manager.post(reverse("funds:imprest_limit"), given).status_code == 302
    proposal = Proposal.objects.get(kind="imprest_limit")
    assert "青禾乡" in text_of(checker, "funds:imprest")

    shown = text_of(checker, "funds:proposal", proposal.pk)
    assert "青禾乡" in shown and world.township_clerk.name in shown and "定额（元）" in shown
    decide = reverse("funds:decide", args=[proposal.pk])
    assert manager.post(decide, {"verb": "confirm"}).status_code == 403 and not ImprestFloat.objects.exists()
    assert decide.removesuffix("decide/") in text_of(checker, "funds:imprest")
    checker.post(decide, {"verb": "confirm"})
    box = ImprestFloat.objects.get()
    advance = {"key": new_key(), "amount_fen": "3000", "document_no": "拨 1"}
    for _press in range(2):
        manager.post(reverse("funds:imprest_advance", args=[box.pk]), advance)
    too_much = manager.post(reverse("funds:imprest_advance", args=[box.pk]), advance | {"key": new_key()})

    assert too_much.status_code == 422 and "最多还能拨 2,000" in too_much.content.decode()
    assert imprest.holding(box).on_hand_fen == 300_000
    assert "3,000" in text_of(manager, "funds:float", box.pk)


def test_the_limit_of_another_county_is_not_confirmed_though_it_is_out_of_a_shared_fund(world: World) -> None:
    """The fund is the neighbour's, and so is the second person of its limits; our county has a part of the money alone."""
    manager = neighbour(world)
    fund = funds.open_fund("SHARED", "两县合用的资金", source="fiscal", unit=manager.appointments.get().unit)
    funds.receive(fund, 1_000, key="shared")
    allocation = funds.allocate(
        fund, 500, programme="disaster_relief", unit=world.township, year=2026, key="shared:part"
    )
    proposal = imprest.propose_limit(allocation, 100, world.township_clerk, by=manager, key=key(), reason="x")
    checker = log_in(world.fund_checker)

    with pytest.raises(NotYours, match=fund.unit.name):
        proposals.confirm(proposal.pk, by=world.fund_checker)
    assert checker.post(reverse("funds:decide", args=[proposal.pk]), {"verb": "confirm"}).status_code == 404
    assert "青禾乡" in text_of(checker, "funds:imprest")
    assert reverse("funds:proposal", args=[proposal.pk]) not in text_of(checker, "funds:imprest")
    proposal.refresh_from_db()
    assert proposal.state == "proposed" and not ImprestFloat.objects.exists()


def test_the_township_pays_an_emergency_from_the_float_page(world: World) -> None:
    box, case = a_float(world), emergency(world)
    clerk, companion = log_in(world.township_clerk), second(world)
    page = text_of(clerk, "funds:float", box.pk)
    act = reverse("cases:act", args=[case.pk, "pay_from_imprest"])
    assert act in page
    form = clerk.get(act).content.decode()
    assert f"{companion.name}（协会秘书）" in form
    for barred in (world.township_approver, world.township_approver_2, world.village_head, world.cashier):
        assert f">{barred.name}" not in form
    given = {
        "key": act_key(), "second_payer": companion.pk, "handed_on_year": "2026", "handed_on_month": "4", "handed_on_day": "15",
        "place": "家里", "signed_how": "signature", "received_by": case.head_name,
    }  # fmt: skip

    assert clerk.post(act, given).status_code == 422  # no picture of the receipt
    for _press in range(2):
        answer = clerk.post(act, given | {"receipt": SimpleUploadedFile("receipt.jpg", photo())})
        assert answer.status_code == 302, answer.content.decode()

    assert case_now(case).state == "makeup"
    assert clerk.get(reverse("cases:detail", args=[case.pk])).context["paid_fen"] == 100_000
    paid = ImprestSpend.objects.get()
    receipt = CaseDocument.objects.get(case=case, kind="cash_receipt")
    assert paid.receipt_sha256 == receipt.document.sha256
    told = text_of(clerk, "funds:float", box.pk)
    assert "等手续" in told and case.head_name in told
    assert "备用金" in text_of(clerk, "cases:detail", case.pk)
    assert "等确认" in told and "1 笔写着跟你一起经手" in text_of(log_in(companion), "home")
    assert "写着跟你一起经手" not in text_of(clerk, "township:queue")


def test_a_clerk_who_is_alone_reads_why_nobody_is_offered(world: World) -> None:
    a_float(world)
    case = emergency(world)
    access.end_appointment(
        second_clerk(world).appointments.get(), on=START - datetime.timedelta(days=1), by=None, reason="调走"
    )

    assert "乡里没有可以一起发的人" in text_of(log_in(world.township_clerk), "cases:act", case.pk, "pay_from_imprest")


def test_a_refused_payment_leaves_no_receipt(world: World) -> None:
    a_float(world, 50_000, 50_000)
    case = emergency(world)
    given = {
        "key": act_key(), "second_payer": second(world).pk, "handed_on_year": "2026", "handed_on_month": "4", "handed_on_day": "15", "signed_how": "signature", "received_by": "本人",
    }  # fmt: skip

    answer = log_in(world.township_clerk).post(
        reverse("cases:act", args=[case.pk, "pay_from_imprest"]),
        given | {"receipt": SimpleUploadedFile("receipt.jpg", photo())},
    )

    assert answer.status_code == 422 and "备用金不够" in answer.content.decode()
    assert not CaseDocument.objects.filter(case=case, kind="cash_receipt").exists()


def test_the_township_reads_why_it_may_not_spend(world: World) -> None:
    box, case = a_float(world), emergency(world)
    handed_out(world, box, decided(world, 1_000))
    with clock.frozen_at(START + datetime.timedelta(days=70)):
        told = text_of(log_in(world.township_clerk), "funds:float", box.pk)

        assert "现在不能发" in told and "每个月要盘点一次" in told
        assert "停用" in text_of(log_in(world.fund_manager), "funds:imprest")
    assert case_now(case).state == "emergency_released"


def test_counting_explaining_and_reviewing_take_two_persons(world: World) -> None:
    box = a_float(world)
    clerk, approver = log_in(world.township_clerk), log_in(world.township_approver)
    given = {"key": new_key(), "cash_fen": "4999", "bank_fen": "0"}

    asked = clerk.post(reverse("funds:imprest_count", args=[box.pk]), given)
    assert asked.status_code == 422 and "数到 4,999 元，应有 5,000 元，少 1 元。再数一遍" in asked.content.decode()
    assert not ImprestCount.objects.exists()  # a slip of the pen would stay
    for _press in range(2):
        clerk.post(reverse("funds:imprest_count", args=[box.pk]), given | {"sure": "on"})
    count = ImprestCount.objects.get()
    assert count.difference_fen == -100
    assert clerk.post(reverse("funds:imprest_review", args=[count.pk])).status_code == 403
    waiting = text_of(approver, "funds:float", box.pk)
    assert "等写原因" in waiting and reverse("funds:imprest_review", args=[count.pk]) not in waiting
    approver.post(reverse("funds:imprest_review", args=[count.pk]))
    count.refresh_from_db()
    assert count.reviewed_on is None  # the difference is not explained
    assert "4月15日 数到 4,999 元，应有 5,000 元，少 1 元。" in text_of(clerk, "funds:imprest_explain", count.pk)
    clerk.post(reverse("funds:imprest_explain", args=[count.pk]), {"key": new_key(), "explanation": "找零找错"})
    assert reverse("funds:imprest_review", args=[count.pk]) in text_of(approver, "funds:float", box.pk)
    approver.post(reverse("funds:imprest_review", args=[count.pk]))

    count.refresh_from_db()
    assert (count.reviewed_on, count.reviewer_id) == (START, world.township_approver.pk)
    assert approver.get(reverse("funds:imprest_count", args=[box.pk])).status_code == 403


def test_a_refill_is_asked_by_the_township_and_paid_by_the_county(world: World) -> None:
    box = a_float(world)
    handed_out(world, box, decided(world, 60_000))
    imprest.accept("case:900001")
    clerk, cashier = log_in(world.township_clerk), log_in(world.cashier)
    assert "核销了 600 元" in text_of(clerk, "funds:float", box.pk)

    asked = {"key": new_key()}
    for _press in range(2):
        clerk.post(reverse("funds:imprest_refill", args=[box.pk]), asked)
    refill = ImprestRefill.objects.get()
    assert "陆佰元整" in text_of(cashier, "funds:refill", refill.pk)
    assert clerk.post(reverse("funds:refill", args=[refill.pk]), {"key": new_key()}).status_code == 403
    cashier.post(reverse("funds:refill", args=[refill.pk]), {"key": new_key(), "bank_reference": "HF9"})

    refill.refresh_from_db()
    assert (refill.paid_by_id, refill.bank_reference) == (world.cashier.pk, "HF9")
    assert imprest.holding(box).on_hand_fen == 500_000


def test_out_of_reach_is_absent(world: World) -> None:
    box = a_float(world)
    handed_out(world, box, decided(world, 1_000))
    imprest.accept("case:900001")
    refill = imprest.ask_refill(box, by=world.township_clerk, key=key())
    client = log_in(stranger(world))

    for name, pk in (
        ("funds:float", box.pk),
        ("funds:imprest_advance", box.pk),
        ("funds:imprest_count", box.pk),
        ("funds:refill", refill.pk),
    ):
        assert client.get(reverse(name, args=[pk])).status_code == 404, name
    assert log_in(world.village_clerk).get(reverse("funds:imprest")).status_code == 404


def test_the_pages_ask_a_fixed_number_of_queries(world: World, django_assert_max_num_queries: Any) -> None:
    box = a_float(world)
    for n in range(4):
        handed_out(world, box, decided(world, 1_000, f"case:9000{n:02d}"))
        imprest.accept(f"case:9000{n:02d}")
        imprest.pay_refill(
            imprest.ask_refill(box, by=world.township_clerk, key=key()), by=world.cashier, bank_reference=""
        )
    client = log_in(world.fund_manager)

    for name, args, most in (("funds:imprest", [], 26), ("funds:float", [box.pk], 29)):
        client.get(reverse(name, args=args))
        with django_assert_max_num_queries(most) as few:
            client.get(reverse(name, args=args))
        handed_out(world, box, decided(world, 1_000, f"case:91{len(name):04d}"))
        with django_assert_max_num_queries(len(few.captured_queries)):
            client.get(reverse(name, args=args))


@pytest.mark.parametrize("name", ["funds:imprest", "funds:float"])
def test_the_pages_speak_no_script_and_no_style(world: World, name: str) -> None:
    box = a_float(world)
    page = text_of(log_in(world.fund_manager), name, *([box.pk] if name == "funds:float" else []))

    assert " style=" not in page and " onclick=" not in page
