"""The funds desk's paying side: parts that are due, what the guards say, cash, the password, providers, what comes back."""

import datetime
import io
import itertools
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from access import confirming
from access import services as access
from access.models import OrgUnit
from audit import clock
from casework import payments
from casework.desks.funds.forms import new_key
from casework.models import Case, CaseDocument, CaseEvent
from families.models import Document
from funds import ledger, proposals, providers, recoveries
from funds.models import CashHandover, Payment, PaymentBatch, Proposal, Provider, Recovery, Transfer
from tests.casework.test_guards import rules
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_whole_way import pay
from tests.countersigns import confirmed as confirmed_by_the_second
from tests.world import START, World, case_now, make_staff

PASSWORD = "a-long-password-1"
MONTHS = {"parts": 3, "every_months": 1}


@pytest.fixture
def log_in() -> Any:
    def log_in(staff: Any) -> Client:
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


def later(months: int) -> Any:
    return clock.frozen_at(START + datetime.timedelta(days=31 * months))


def monthly(world: World, key: str = "one") -> Case:
    """Three parts, a month apart; the first is paid."""
    case = world.brought_to("fund_reserved", amount_fen=90_000)
    pay(world, case, key=f"batch-{key:a>8}")
    answer(world, case, credited=True, key=key)
    return case_now(case)


def payment_of(case: Case) -> Payment:
    return Payment.objects.filter(subject=case.subject).latest("id")


# ---------------------------------------------------------------- parts that are due


def test_the_next_part_is_on_the_list_from_the_day_it_is_due(world: World, log_in: Any) -> None:
    rules(world, payments=MONTHS)
    case = monthly(world)
    client, url = log_in(world.fund_manager), reverse("funds:waiting")

    assert client.get(url).context["rows"] == []
    [not_yet] = client.get(url, {"later": "1"}).context["rows"]
    assert (not_yet.case, not_yet.amount_fen) == (case, 30_000) and "要到" in not_yet.because
    with later(1):
        page = client.get(url)
        [due] = page.context["rows"]
        assert due.because == "" and due.part.n == 2 and due.part.label in page.text
        client.post(reverse("funds:build"), {"case": [case.pk], "confirm": "1", "key": new_key()})
        assert client.get(url).context["rows"] == []

    assert payment_of(case).instalment == 2 and case_now(case).state == "in_payment"


def test_a_part_that_nobody_has_looked_at_is_not_on_the_list(world: World, log_in: Any) -> None:
    rules(world, payments=MONTHS | {"needs_check": True})
    case = monthly(world)
    client, url = log_in(world.fund_manager), reverse("funds:waiting")

    with later(1):
        assert client.get(url).context["rows"] == []
        world.do(case, "check_instalment", "township_clerk", reason="还住在村里")
        assert [row.case for row in client.get(url).context["rows"]] == [case]


@pytest.mark.slow
def test_parts_ask_no_more_queries_the_more_they_are(
    world: World, log_in: Any, django_assert_max_num_queries: Any
) -> None:
    rules(world, payments=MONTHS)
    client = log_in(world.fund_manager)
    cases = [monthly(world, key="k0")]

    def asked(url: str, **given: Any) -> int:
        call = client.post if given else client.get
        call(url, given)
        with django_assert_max_num_queries(40) as queries:
            assert call(url, given).status_code == 200
        return len(queries)

    def asked_everywhere() -> list[int]:
        with later(1):
            return [
                asked(reverse("funds:waiting") + "?later=1"),
                asked(reverse("funds:build"), case=[case.pk for case in cases]),
            ]

    few = asked_everywhere()
    cases += [monthly(world, key=f"k{n}") for n in range(1, 6)]

    assert asked_everywhere() == few and max(few) <= 32


# ---------------------------------------------------------------- what the guards say


def test_what_must_not_be_paid_is_left_out_and_the_rest_can_go(world: World, log_in: Any) -> None:
    good, bad = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    make_staff("lives_here", "在岗", bad.payee_account.holder.person_key)

    page = log_in(world.fund_manager).post(reverse("funds:build"), {"case": [good.pk, bad.pk]})

    assert [row.case for row in page.context["rows"]] == [good]
    assert [bad.case_no in text and "工作人员" in text for text in page.context["left_out"]] == [True]
    assert not PaymentBatch.objects.exists()


def test_what_must_be_looked_at_needs_a_tick_and_a_reason_from_maker_and_checker(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved", amount_fen=299_000)
    client, sent = log_in(world.fund_manager), {"case": [case.pk], "confirm": "1"}

    for half in ({}, {"looked": "on"}):
        page = client.post(reverse("funds:build"), sent | half | {"key": new_key()})
        assert page.context["form"].errors and "紧贴" in page.text
    assert not PaymentBatch.objects.exists() and case_now(case).state == "fund_reserved"
    client.post(reverse("funds:build"), sent | {"key": new_key(), "looked": "on", "looked_over": "三间房，照单价算的"})
    batch = PaymentBatch.objects.get()

    checker, check = log_in(world.fund_checker), reverse("funds:check", args=[batch.pk])
    first = checker.post(check, {"key": new_key()})
    assert "紧贴" in first.text and "三间房" in first.text
    again = checker.post(check, {"key": new_key(), "warned": "1"})
    assert again.context["check_form"].errors and "紧贴" in again.text
    batch.refresh_from_db()
    assert batch.state == "draft"
    checker.post(check, {"key": new_key(), "warned": "1", "looked": "on", "looked_over": "单价没有错"})
    batch.refresh_from_db()
    assert batch.state == "checked"
    assert payments.how_looked_over(batch) == ["三间房，照单价算的", "单价没有错"]


def test_the_preview_says_what_the_person_gets_this_year(world: World, log_in: Any) -> None:
    household = world.household()
    world.brought_to("fund_reserved", "elderly_support", household=household)
    case = world.brought_to("fund_reserved", household=household)

    page = log_in(world.fund_manager).post(reverse("funds:build"), {"case": [case.pk]})

    [row] = page.context["rows"]
    assert set(row.helped) == {"disaster_relief", "elderly_support"}
    assert row.helped_fen == 200_000 + row.helped["elderly_support"] and "养老扶助" in page.text


def test_what_changed_while_somebody_was_reading_is_not_left_out_in_silence(world: World, log_in: Any) -> None:
    one, two = world.brought_to("fund_reserved"), world.brought_to("fund_reserved")
    client, sent = log_in(world.fund_manager), {"case": [one.pk, two.pk]}
    client.post(reverse("funds:build"), sent)
    with transaction.atomic():
        holder = two.payee_account.holder
        holder.died_on = START
        holder.save()

    page = client.post(reverse("funds:build"), sent | {"confirm": "1", "key": new_key()})

    assert "请再看一遍" in page.text and not PaymentBatch.objects.exists()


def test_somebody_elses_submission_is_refused_in_words(world: World, log_in: Any) -> None:
    key = new_key()
    payments.build_batch([world.brought_to("fund_reserved").pk], by=world.fund_manager, key=key)
    other = make_staff("second", "资金二")
    access.appoint(other, "fund_manager", world.county, by=None, valid_from=START)
    case = world.brought_to("fund_reserved")

    page = log_in(other).post(reverse("funds:build"), {"case": [case.pk], "confirm": "1", "key": key})

    assert "已经用在另一件事上" in page.text and case_now(case).state == "fund_reserved"


# ---------------------------------------------------------------- cash


_pictures = itertools.count()


def picture() -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), (next(_pictures) % 250, 200, 90)).save(content, "PNG")
    return SimpleUploadedFile("receipt.png", content.getvalue(), "image/png")


def in_cash(world: World, case: Case) -> Payment:
    batch = payments.build_batch([case.pk], by=world.fund_manager, key=new_key(), cash_reason="老人没有账户")
    payments.check_batch(batch.pk, by=world.fund_checker, key=new_key())
    payments.release_batch(batch.pk, by=world.cashier, key=new_key())
    return payment_of(case)


def handed(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "key": new_key(), "second_payer": world.township_clerk.pk, "handed_on": "2026-04-15", "place": "家里",
        "signed_how": "thumbprint", "received_by": "本人", "receipt": picture(),
    } | changes  # fmt: skip


def test_cash_says_why_and_is_listed_for_signing(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    client, sent = log_in(world.fund_manager), {"case": [case.pk], "confirm": "1", "is_cash": "on"}

    assert "请写明为什么发现金" in client.post(reverse("funds:build"), sent | {"key": new_key()}).text
    client.post(reverse("funds:build"), sent | {"key": new_key(), "cash_reason": "老人没有账户"})

    batch = PaymentBatch.objects.get()
    page = client.get(reverse("funds:cash_list", args=[batch.pk]))
    assert batch.is_cash and "老人没有账户" in page.text and "签字或按手印" in page.text and case.case_no in page.text
    assert payment_of(case).account_last4 == ""


def test_a_bank_batch_has_no_list_for_signing(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    client, payment = log_in(world.cashier), payment_of(case)

    assert client.get(reverse("funds:cash_list", args=[payment.batch_id])).status_code == 404
    assert client.get(reverse("funds:handed", args=[payment.pk])).status_code == 404


def test_cash_reaches_the_family_by_two_persons_with_a_signed_receipt(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    payment = in_cash(world, case)
    client, url = log_in(world.fund_manager), reverse("funds:handed", args=[payment.pk])
    assert url in client.get(reverse("funds:batch", args=[payment.batch_id])).text
    sent = handed(world)

    for _twice in range(2):
        client.post(url, sent | {"receipt": picture()})

    given = CashHandover.objects.get(payment=payment)
    assert {given.payer_one, given.payer_two} == {world.fund_manager, world.township_clerk}
    assert case_now(case).state == "in_payment" and client.get(url).url == reverse(
        "funds:batch", args=[payment.batch_id]
    )
    confirmed_by_the_second()
    paper = CaseDocument.objects.get(case=case, kind="cash_receipt")
    assert paper.document.sha256 == given.receipt_sha256 and Document.objects.filter(kind="cash_receipt").count() == 1
    assert case_now(case).state == "paid" and payment_of(case).state == "credited"
    assert Transfer.objects.filter(subject=case.subject, kind="settle").count() == 1
    assert ledger.check().drift_fen == 0


def test_no_cash_without_a_receipt_and_a_second_person_from_here(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    payment = in_cash(world, case)
    client, url = log_in(world.fund_manager), reverse("funds:handed", args=[payment.pk])
    elsewhere = world.other_clerk

    for wrong in ({"receipt": ""}, {"second_payer": ""}, {"second_payer": elsewhere.pk}, {"place": ""}):
        assert client.post(url, handed(world, **wrong)).context["form"].errors, wrong
    text = SimpleUploadedFile("r.jpg", b"no picture", "image/jpeg")
    assert client.post(url, handed(world, receipt=text)).context["form"].errors

    assert payment_of(case).state == "sent" and not Document.objects.filter(kind="cash_receipt").exists()
    assert elsewhere.pk not in [pk for pk, _name in client.get(url).context["form"].fields["second_payer"].choices[1:]]


def test_the_village_committee_does_not_hand_out_cash_alone(world: World, log_in: Any) -> None:
    """Domain §4.3 rule 12: a clerk who holds the cashier's post as well needs somebody from outside beside her."""
    case = world.brought_to("fund_reserved")
    payment = in_cash(world, case)
    both = make_staff("both", "出纳兼专干")
    access.appoint(both, "cashier", world.county, by=None, valid_from=START)
    access.appoint(both, "village_clerk", world.other_village, by=None, valid_from=START)
    client, url = log_in(both), reverse("funds:handed", args=[payment.pk])

    page = client.post(url, handed(world, second_payer=world.village_head.pk))

    assert "不是村委会的" in page.text and payment_of(case).state == "sent"
    assert not Document.objects.filter(kind="cash_receipt").exists()
    client.post(url, handed(world))
    confirmed_by_the_second()
    assert payment_of(case).state == "credited"


def test_cash_that_nobody_took_goes_back(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    payment = in_cash(world, case)
    client = log_in(world.cashier)

    client.post(reverse("funds:not_taken", args=[payment.pk]), {"key": new_key(), "reason": "去外地了"})

    back = payment_of(case)
    assert (back.state, back.returned_reason) == ("returned", "没有领取：去外地了")
    assert case_now(case).state == "payment_returned" and ledger.check().drift_fen == 0
    with clock.frozen_at(START + datetime.timedelta(days=2)):  # the account, too, was written down today
        [row] = log_in(world.fund_manager).get(reverse("funds:waiting")).context["rows"]
    assert row.because == ""
    assert log_in(world.fund_manager).get(reverse("funds:batch", args=[payment.batch_id])).status_code == 200


# ---------------------------------------------------------------- the password at the release


def checked(world: World, case: Case) -> PaymentBatch:
    batch = payments.build_batch([case.pk], by=world.fund_manager, key=new_key())
    payments.check_batch(batch.pk, by=world.fund_checker, key=new_key())
    return batch


def test_money_is_released_with_the_password_alone_and_not_guessed_at(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    batch = checked(world, case)
    client, url = log_in(world.cashier), reverse("funds:release", args=[batch.pk])

    def release(password: str) -> str:
        sent = {"key": new_key(), "count": "1", "total_fen": "2000", "password": password}
        return client.post(url, sent, follow=True).text

    release("")
    assert payment_of(case).state == "listed"
    for _wrong in range(confirming.MOST_WRONG):
        page = release("somebody-elses")
        assert "密码不对，没有办成" in page and "somebody-elses" not in page
    assert "十五分钟以后再试" in release(PASSWORD)
    batch.refresh_from_db()
    assert batch.state == "checked" and payment_of(case).state == "listed"


def test_the_right_password_releases(world: World, log_in: Any) -> None:
    case = world.brought_to("fund_reserved")
    batch = checked(world, case)
    client, url = log_in(world.cashier), reverse("funds:release", args=[batch.pk])

    client.post(url, {"key": new_key(), "count": "1", "total_fen": "2000", "password": "wrong"})
    client.post(url, {"key": new_key(), "count": "1", "total_fen": "2000", "password": PASSWORD})

    batch.refresh_from_db()
    assert batch.state == "released" and payment_of(case).state == "sent"


# ---------------------------------------------------------------- providers

SCHOOL = {
    "name": "禾源县第一中学", "kind": "school", "bank": "禾丰农商银行", "number": "9999 9900 0000 0000 45",
    "again": "999999000000000045", "credit_code": "",
}  # fmt: skip


def on_the_list(world: World) -> Provider:
    home = providers.record(
        name="禾源县夕阳红养老院", kind="care_home", unit=world.county, bank="禾丰农商银行",
        account_no="9999990000000000022", by=world.fund_manager,
    )  # fmt: skip
    return providers.check(home, by=world.fund_checker)


def for_a_provider(world: World, home: Provider) -> Case:
    """A case whose help goes to a home, decided."""
    rules(world, pays_to=["family", "care_home"])
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    survey = world.survey(case.household)
    world.papers(case, *case.rules.documents.get("register", []))
    data = {"survey_id": survey.pk, "amount_fen": 100_000, "provider_id": home.pk, "cause": "illness"}
    world.do(case, "register", "village_clerk", data=data)
    world.do(case, "submit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    world._end_notice(case)
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    return case_now(case)


def test_a_provider_is_written_down_by_one_and_compared_by_another(world: World, log_in: Any) -> None:
    maker, sent = log_in(world.fund_manager), SCHOOL | {"key": new_key(), "unit": world.county.pk}
    new = reverse("funds:record_provider")

    assert "两遍账号不一样" in maker.post(new, sent | {"again": "1"}).text
    assert maker.post(new, sent | {"credit_code": "12"}).context["form"].errors
    assert not Provider.objects.exists()
    for _twice in range(2):
        page = maker.post(new, sent | {"credit_code": "91520382MA6D000000"}, follow=True)
    assert "校验位不对" in page.text  # warned, not refused: some genuine codes are said to fail
    school = Provider.objects.get()
    check = reverse("funds:check_provider", args=[school.pk])
    assert check not in page.text
    assert "同一个人" in maker.post(check, follow=True).text
    school.refresh_from_db()
    assert school.checked_on is None
    log_in(world.fund_checker).post(check)

    school.refresh_from_db()
    assert (school.recorded_by, school.checked_by) == (world.fund_manager, world.fund_checker)
    assert school.history.latest("history_id").history_change_reason == "check_provider"
    assert school.account_last4 == "0045" and b"9999990" not in bytes(school.account_sealed)


def test_a_second_row_of_the_same_name_is_refused_in_words(world: World, log_in: Any) -> None:
    client, sent = log_in(world.fund_manager), SCHOOL | {"unit": world.county.pk}
    client.post(reverse("funds:record_provider"), sent | {"key": new_key()})

    other = {"key": new_key(), "number": "999999000000000046", "again": "999999000000000046"}
    page = client.post(reverse("funds:record_provider"), sent | other)

    assert "请先停用旧的" in page.text and Provider.objects.count() == 1


def test_a_payment_to_a_provider_names_it_and_adds_up_on_its_statement(world: World, log_in: Any) -> None:
    home = on_the_list(world)
    case = for_a_provider(world, home)
    client = log_in(world.fund_manager)

    [row] = client.get(reverse("funds:waiting")).context["rows"]
    assert (row.payee_name, row.because) == (home.name, "")
    assert home.name in client.post(reverse("funds:build"), {"case": [case.pk]}).text
    pay(world, case)
    answer(world, case, credited=True, key="yes")

    other = world.brought_to("fund_reserved")
    pay(world, other, key="batch-elsewhere")
    listed = client.get(reverse("funds:payments"), {"provider": home.pk}).context
    assert [line["payment"] for line in listed["lines"]] == [payment_of(case)] and listed["sums"][0][
        "amount_fen"
    ] == 100_000
    statement = client.get(reverse("funds:provider", args=[home.pk])).context
    assert statement["paid_fen"] == 100_000 and [line["case"] for line in statement["lines"]] == [case]
    [on_page] = client.get(reverse("funds:providers")).context["rows"]
    assert (on_page["provider"].paid_fen, on_page["provider"].open_cases) == (100_000, 1)


def test_an_ended_provider_is_paid_no_more_and_its_open_cases_are_listed(world: World, log_in: Any) -> None:
    home = on_the_list(world)
    case = for_a_provider(world, home)
    client = log_in(world.fund_manager)

    client.post(reverse("funds:end_provider", args=[home.pk]), {"key": new_key()})

    [row] = client.get(reverse("funds:waiting")).context["rows"]
    assert "已经停用" in row.because
    page = client.get(reverse("funds:provider", args=[home.pk]))
    assert [row["case"] for row in page.context["cases"]] == [case] and "还有个案没有换账户" in page.text
    assert [row["provider"] for row in client.get(reverse("funds:providers")).context["rows"]] == [home]


def test_no_provider_is_paid_in_cash(world: World, log_in: Any) -> None:
    case = for_a_provider(world, on_the_list(world))
    sent = {"case": [case.pk], "confirm": "1", "key": new_key(), "is_cash": "on", "cash_reason": "等不及"}

    page = log_in(world.fund_manager).post(reverse("funds:build"), sent)

    assert "付给单位的钱走银行" in page.text and not PaymentBatch.objects.exists()


# ---------------------------------------------------------------- what comes back


def asked_back(world: World, owed_fen: int = 150_000, key: str = "owed") -> Case:
    case = world.brought_to("fund_reserved")
    pay(world, case, key=f"batch-{key:a>8}")
    answer(world, case, credited=True, key=key)
    world.do(case, "reclaim", "township_approver", reason="查出收入瞒报", data={"amount_fen": owed_fen})
    return case_now(case)


def test_nobody_agrees_on_or_writes_off_the_debt_of_her_own_family(world: World, log_in: Any) -> None:
    case = asked_back(world)
    number = case.household.household_no
    proposal = recoveries.propose_write_off(
        Recovery.objects.get(subject=case.subject), 50_000, by=world.fund_manager, key="off", reason="人走了", document_no="财 1"
    )  # fmt: skip
    for relative in (world.fund_manager, world.fund_checker):
        access.recuse(relative.person_key, number, relation="弟弟", by=relative)
    first = {"first_on_year": "2026", "first_on_month": "4", "first_on_day": "20"}

    for page, given in (
        ("agree_recovery", {"parts": "2", "every_months": "1", "reason": "商定"} | first),
        ("write_off", {"amount_fen": "500", "reason": "还不上", "document_no": "财 2"}),
    ):
        answer = log_in(world.fund_manager).post(reverse(f"funds:{page}", args=[case.pk]), given | {"key": new_key()})
        assert "近亲属" in answer.text, page
    answer = log_in(world.fund_checker).post(reverse("funds:decide", args=[proposal.pk]), {"verb": "confirm"})

    assert "近亲属" in answer.text
    proposal.refresh_from_db()
    owed = Recovery.objects.get(subject=case.subject)
    assert (proposal.state, owed.written_off_fen, owed.agreed) == ("proposed", 0, [])


def test_what_was_agreed_is_overdue_until_it_has_come_back(world: World, log_in: Any) -> None:
    case = asked_back(world)
    client = log_in(world.fund_manager)
    client.post(
        reverse("funds:agree_recovery", args=[case.pk]),
        {
            "key": new_key(), "parts": "7", "every_months": "1", "reason": "本人来办公室商定",
            "first_on_year": "2026", "first_on_month": "4", "first_on_day": "20",
        },
    )  # fmt: skip

    recovery = Recovery.objects.get(subject=case.subject)
    assert [part["amount_fen"] for part in recovery.agreed] == [21_428] * 6 + [21_432]
    assert recovery.agreed[1]["due_on"] == "2026-05-20"
    assert "本人来办公室商定" in recovery.history.latest("history_id").history_change_reason
    with later(1):
        page = client.get(reverse("funds:recover", args=[case.pk]))
        assert page.context["parts"][0].is_overdue and "过期没还" in page.text
        sent = {"key": new_key(), "amount_fen": "250", "reason": "还来", "document_no": "SJ-7"}
        for _twice in range(2):
            client.post(reverse("funds:record_recovery", args=[case.pk]), sent)
        parts = client.get(reverse("funds:recover", args=[case.pk])).context["parts"]
        for name in ("record_recovery", "agree_recovery", "write_off"):
            assert "还欠" in (form := client.get(reverse(f"funds:{name}", args=[case.pk])).text) and "1,250" in form
    assert [part.missing_fen for part in parts[:3]] == [0, 21_428 * 2 - 25_000, 21_428]
    [entry] = Transfer.objects.filter(subject=case.subject, kind="recover")
    assert (entry.amount_fen, entry.document_no) == (25_000, "SJ-7") and ledger.check().drift_fen == 0


def test_a_nought_is_no_write_off_any_more(world: World, log_in: Any) -> None:
    case = asked_back(world)
    client = log_in(world.fund_manager)

    page = client.post(
        reverse("funds:record_recovery", args=[case.pk]),
        {"key": new_key(), "amount_fen": "0", "reason": "追不回", "document_no": "x"},
    )

    assert page.context["form"].errors and case_now(case).state == "recovery"
    assert Recovery.objects.get(subject=case.subject).open_fen == 150_000


def test_what_nobody_can_pay_back_is_written_off_by_two_persons(world: World, log_in: Any) -> None:
    case = asked_back(world)
    client, here = log_in(world.fund_manager), reverse("funds:recover", args=[case.pk])
    sent = {"key": new_key(), "amount_fen": "1500", "reason": "全家外出，下落不明", "document_no": "禾财〔2026〕9 号"}

    assert client.post(reverse("funds:write_off", args=[case.pk]), sent | {"document_no": ""}).context["form"].errors
    for _twice in range(2):
        client.post(reverse("funds:write_off", args=[case.pk]), sent)
    proposal = Proposal.objects.get()
    assert "等核准" in client.get(here).text
    assert "核销等核准" in client.get(reverse("funds:recoveries")).text
    assert Recovery.objects.get(subject=case.subject).open_fen == 150_000  # nothing yet
    proposals.confirm(proposal.pk, by=world.fund_checker)
    client.post(reverse("funds:finish_recovery", args=[case.pk]), {"key": new_key(), "reason": "核销了"})

    recovery = Recovery.objects.get(subject=case.subject)
    assert (recovery.open_fen, recovery.written_off_fen) == (0, 150_000) and case_now(case).state == "closed"
    assert not Transfer.objects.filter(subject=case.subject, kind="recover").exists()
    done = client.get(reverse("funds:recoveries"), {"done": "1"}).context["rows"]
    assert [row.case for row in done] == [case] and client.get(here).status_code == 200


def test_an_instalment_that_was_written_off_is_not_called_paid_back(world: World, log_in: Any) -> None:
    """Of three instalments of 500 yuan one and a half came back, the rest was written off; 100 written off before they
    were agreed are none of theirs."""
    case = asked_back(world, owed_fen=160_000)
    owed, client = Recovery.objects.get(subject=case.subject), log_in(world.fund_manager)

    def write_off(fen: int, key: str) -> Proposal:
        how = {"by": world.fund_manager, "key": key, "reason": "下落不明", "document_no": "禾财 9 号"}
        return recoveries.propose_write_off(Recovery.objects.get(pk=owed.pk), fen, **how)

    proposals.confirm(write_off(10_000, "before").pk, by=world.fund_checker)
    recoveries.agree(owed.pk, [(START, 50_000)] * 3, by=world.fund_manager, reason="商定")
    recoveries.record(owed.pk, 75_000, key="came", document_no="SJ-1")
    proposals.confirm(write_off(75_000, "rest").pk, by=world.fund_checker)

    page = client.get(reverse("funds:recover", args=[case.pk]))

    assert [(part.missing_fen, part.written_off_fen) for part in page.context["parts"]] == [
        (0, 0),
        (0, 25_000),
        (0, 50_000),
    ]
    assert "还了一部分，其余核销" in page.text


def test_the_second_person_sees_whose_debt_it_is(world: World, log_in: Any) -> None:
    case = asked_back(world)
    owed = Recovery.objects.get(subject=case.subject)
    recoveries.record(owed.pk, 20_000, key="came", document_no="SJ-1")
    how = {"by": world.fund_manager, "key": "off", "reason": "下落不明", "document_no": "禾财 9 号"}
    proposal = recoveries.propose_write_off(Recovery.objects.get(pk=owed.pk), 100_000, **how)

    page = log_in(world.fund_checker).get(reverse("funds:proposal", args=[proposal.pk]))

    facts = {fact.label: fact for fact in page.context["facts"]}
    assert case.head_name in facts["谁家欠的"].words and case.case_no in facts["哪一件"].words
    assert facts["哪一件"].url == reverse("cases:detail", args=[case.pk])
    assert [facts[label].words for label in ("要追回（元）", "已追回（元）", "已核销（元）", "还欠（元）")] == [
        "1,500",
        "200",
        "0",
        "1,300",
    ]
    assert facts["核准以后还欠（元）"].words == "300" and facts["哪一件"].url in page.text


def test_who_does_not_manage_money_only_reads_what_is_owed(world: World, log_in: Any) -> None:
    case = asked_back(world)
    client = log_in(world.township_clerk)

    assert "你在这里只能看" in client.get(reverse("funds:recover", args=[case.pk])).text
    for name in ("record_recovery", "agree_recovery", "write_off", "finish_recovery"):
        assert client.post(reverse(f"funds:{name}", args=[case.pk]), {"key": new_key()}).status_code == 403
    assert not Proposal.objects.exists() and not CaseEvent.objects.filter(action="record_recovery").exists()


# ---------------------------------------------------------------- reach and many rows


def test_another_countys_providers_cash_and_debts_are_not_there(world: World, log_in: Any) -> None:
    home, owed = on_the_list(world), asked_back(world)
    payment = in_cash(world, world.brought_to("fund_reserved"))
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    stranger = make_staff("stranger", "邻县资金")
    for role in ("fund_manager", "fund_checker", "cashier"):
        access.appoint(stranger, role, county, by=None, valid_from=START)
    client = log_in(stranger)
    away = [
        ("provider", home.pk), ("recover", owed.pk), ("record_recovery", owed.pk), ("agree_recovery", owed.pk),
        ("write_off", owed.pk), ("finish_recovery", owed.pk), ("cash_list", payment.batch_id),
        ("handed", payment.pk), ("not_taken", payment.pk),
    ]  # fmt: skip

    assert {client.get(reverse(f"funds:{name}", args=[pk])).status_code for name, pk in away} == {404}
    for name in ("check_provider", "end_provider"):
        assert client.post(reverse(f"funds:{name}", args=[home.pk]), {"key": new_key()}).status_code == 404
    assert home.name not in client.get(reverse("funds:providers")).text
    assert owed.case_no not in client.get(reverse("funds:recoveries")).text


@pytest.mark.slow
def test_no_list_asks_more_the_longer_it_is(world: World, log_in: Any, django_assert_max_num_queries: Any) -> None:
    client = log_in(world.fund_manager)
    home = on_the_list(world)
    with transaction.atomic():
        for n in range(2):
            asked_back(world, key=f"o{n}")
    pages = [reverse(f"funds:{name}") for name in ("recoveries", "providers", "payments")]
    pages.append(reverse("funds:provider", args=[home.pk]))

    def counts() -> list[int]:
        found = []
        for url in pages:
            client.get(url)
            with django_assert_max_num_queries(30) as asked:
                assert client.get(url).status_code == 200
            found.append(len(asked))
        return found

    few = counts()
    for n in range(5):
        asked_back(world, key=f"p{n}")
        providers.record(
            name=f"学校 {n}", kind="school", unit=world.county, bank="x", account_no=f"99999900000000{n:04d}",
            by=world.fund_manager,
        )  # fmt: skip
    for_a_provider(world, home)

    assert [more - less for more, less in zip(counts(), few, strict=True)][:3] == [0, 0, 0]
    assert counts()[3] <= 25
