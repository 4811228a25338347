"""The desk of lists: what each sees, what each may press, that long lists cost no more, and the paper to sign."""

import datetime
from typing import Any

import pytest
from django.db.models import Count, Sum
from django.test import Client
from django.urls import reverse

from access.models import Appointment
from audit import clock
from audit.context import acting
from audit.models import AccessLog
from casework import payments
from casework.desks.funds.forms import new_key
from casework.desks.rosters.menu import waiting
from casework.errors import NotYourTurn
from casework.models import Roster, RosterBatch, RosterLine
from casework.rosters import deciding, jobs, paying
from funds import bank_formats
from funds import services as funds
from funds.models import CashHandover, Payment, PaymentBatch, Reservation
from jobs import runner
from jobs.models import Job
from tests.casework.test_rosters import (
    AFTER_NOTICE,
    LATER,
    another_account,
    approved,
    checked,
    drafted,
    insured,
    line,
    listed,
    money,
    picture,
    renamed,
    with_the_bank,
)
from tests.countersigns import confirmed as confirmed_by_the_second
from tests.world import START, World

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-password-1"  # tests.world gives everybody this one


def log_in(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_a_list_is_made_filled_put_up_and_approved_on_its_pages(world: World) -> None:
    money(world)
    homes = [world.household() for _n in range(3)]
    clerk = log_in(world.township_clerk)
    made = clerk.post(
        reverse("rosters:new"),
        {
            "key": new_key(), "event": "visit_condolence:spring_festival", "title": "春节名册", "year": "2026",
            "unit": world.township.pk, "channel": "bank", "amount_fen": "300", "severe_fen": "500",
        },
    )  # fmt: skip
    roster = Roster.objects.get()
    assert made.url == reverse("rosters:fill", args=[roster.pk])
    page = text(clerk, "rosters:fill", roster.pk)
    assert ">900<" in page

    clerk.post(reverse("rosters:fill", args=[roster.pk]), {"key": new_key(), "how": ""})
    clerk.post(reverse("rosters:put_up", args=[roster.pk]), {"key": new_key(), "place": "村务公开栏"})
    with clock.frozen_at(AFTER_NOTICE):
        approver = log_in(world.township_approver)
        assert reverse("rosters:approve", args=[roster.pk]) in text(approver, "rosters:roster", roster.pk)
        approver.post(reverse("rosters:approve", args=[roster.pk]), {"key": new_key()})

    roster.refresh_from_db()
    assert (roster.state, roster.line_count, roster.total_fen) == ("approved", len(homes), 900_00)
    assert Reservation.objects.filter(programme="visit_condolence").count() == 3


def test_a_reason_for_cash_typed_before_the_bank_was_chosen_is_left_aside(world: World) -> None:
    made = log_in(world.township_clerk).post(
        reverse("rosters:new"),
        {
            "key": new_key(), "event": "visit_condolence:spring_festival", "title": "春节名册", "year": "2026",
            "unit": world.township.pk, "channel": "bank", "cash_reason": "老人不会用卡", "amount_fen": "300", "severe_fen": "500",
        },
    )  # fmt: skip

    assert made.status_code == 302
    assert (Roster.objects.get().channel, Roster.objects.get().cash_reason) == ("bank", None)


def test_household_numbers_are_pasted_out_of_a_spreadsheet(world: World) -> None:
    roster = drafted(world, 1)
    later = [world.household() for _n in range(2)]
    pasted = "\n".join(f"{home.household_no}\t{home.head_name}\t300" for home in later) + "\n123，没有这家"

    answer = log_in(world.township_clerk).post(
        reverse("rosters:fill", args=[roster.pk]), {"key": new_key(), "how": "numbers", "numbers": pasted}, follow=True
    )

    assert roster.lines.count() == 3
    assert "123：这个地方没有这一户" in answer.content.decode()


def test_a_finding_is_shown_on_its_line_and_leads_to_it(world: World) -> None:
    roster = drafted(world, 2)
    dead = line(roster).person
    dead.died_on = START
    dead.save()
    clerk = log_in(world.township_clerk)

    page = text(clerk, "rosters:roster", roster.pk, finding="dead")

    assert "收款人已去世：1" in page
    assert page.count('<tr role="row">') == 2  # the heading and the one line
    assert reverse("rosters:put_up", args=[roster.pk]) not in page
    clerk.post(reverse("rosters:take_out", args=[line(roster).pk]), {"key": new_key(), "reason": "已去世"})
    assert "已去世" in text(clerk, "rosters:roster", roster.pk, out="1")


def test_what_is_out_of_reach_is_absent(world: World) -> None:
    roster = drafted(world, 1)
    stranger, village = log_in(world.other_clerk), log_in(world.village_clerk)
    own = line(roster)
    for name, pk in (("roster", roster.pk), ("print", roster.pk), ("line", own.pk), ("take_out", own.pk)):
        assert stranger.get(reverse(f"rosters:{name}", args=[pk])).status_code == 404
    assert roster.title not in text(stranger, "rosters:home")
    assert own.person.name in text(village, "rosters:roster", roster.pk)
    assert log_in(world.sysadmin).get(reverse("rosters:roster", args=[roster.pk])).status_code == 404


def test_a_village_sees_its_own_people_on_the_townships_list(world: World) -> None:
    there = world.household(world.other_village)
    roster = drafted(world, 1)

    page = text(log_in(world.village_clerk), "rosters:roster", roster.pk)

    assert line(roster, 1).person.name in page or line(roster, 2).person.name in page
    assert there.head.name not in page


def test_only_those_of_the_duty_may_press(world: World) -> None:
    roster = drafted(world, 1)
    village = log_in(world.village_clerk)

    assert village.get(reverse("rosters:new")).status_code == 403
    village.post(reverse("rosters:put_up", args=[roster.pk]), {"key": new_key(), "place": "x"})
    village.post(reverse("rosters:accounts", args=[roster.pk]))
    village.post(reverse("rosters:cancel", args=[roster.pk]), {"key": new_key(), "reason": "x"})
    roster.refresh_from_db()
    assert (roster.state, roster.posted_on) == ("draft", None)
    assert village.post(reverse("rosters:pay", args=[roster.pk]), {"key": new_key()}).status_code == 403


def test_money_goes_out_through_the_batch_pages_by_three_persons(world: World) -> None:
    bank_formats.seed()
    roster = approved(world)
    with clock.frozen_at(AFTER_NOTICE):
        key = new_key()
        for _press in range(2):
            log_in(world.fund_manager).post(
                reverse("rosters:pay", args=[roster.pk]), {"key": key, "bank": "禾丰农商银行"}
            )
        batch = PaymentBatch.objects.get()
        log_in(world.fund_checker).post(reverse("funds:check", args=[batch.pk]), {"key": new_key()})
        cashier = log_in(world.cashier)
        cashier.post(
            reverse("funds:release", args=[batch.pk]),
            {"key": new_key(), "count": "3", "total_fen": "1100", "password": "a-long-password-1"},
        )
        answers = cashier.get(reverse("funds:answers", args=[batch.pk]))
        file = cashier.post(reverse("funds:export", args=[batch.pk]), {"bank": "HFNS", "reason": "交银行代发"})
        written = b"".join(file.streaming_content).decode("gb18030")

    assert set(batch.payments.values_list("state", flat=True)) == {"sent"}
    assert answers.status_code == 200
    assert len(written.splitlines()) == 4
    assert f"{line(roster).key}:pay:1" in written
    assert AccessLog.objects.filter(subject=f"batch:{batch.pk}", fields="account").count() == 1
    assert "已交银行" in text(log_in(world.township_clerk), "rosters:roster", roster.pk)
    assert log_in(world.township_clerk).get(reverse("funds:export", args=[batch.pk])).status_code == 403


def test_whoever_approved_the_list_reads_why_she_may_not_release_it(world: World) -> None:
    from access import services as access

    _roster, batch = approved_batch(world)
    access.appoint(world.township_approver, "fund_checker", world.county, by=None, valid_from=START)

    page = text(log_in(world.township_approver), "funds:batch", batch.pk)

    assert "你编制或批准过" in page


def approved_batch(world: World) -> tuple[Roster, PaymentBatch]:
    roster = approved(world)
    return roster, paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")


def test_payments_of_a_list_are_found_by_batch_and_reference_beside_those_of_cases(world: World) -> None:
    _roster, batch = with_the_bank(world)
    first, *others = batch.payments.order_by("id")
    with clock.frozen_at(LATER):
        payments.record_answers([payments.Answer(first.pk, True, bank_reference="HF-7788")], by=world.cashier, key="a")
    manager = log_in(world.fund_manager)

    def found(q: str) -> set[int]:
        answer = manager.get(reverse("funds:payments"), {"q": q})
        return {line["payment"].pk for line in answer.context["lines"]}

    assert found(batch.number) == found(batch.number.lower()) == {first.pk, *(other.pk for other in others)}
    assert found("HF-7788") == found(first.subject) == found(first.key) == {first.pk}
    assert first.pk in found(first.payee_name)
    assert found("HF-77889") == set()


def test_a_line_comes_off_a_batch_and_may_be_listed_again(world: World) -> None:
    roster, batch = approved_batch(world)
    payment = batch.payments.order_by("id").first()
    manager = log_in(world.fund_manager)

    answer = manager.get(reverse("funds:unlist", args=[payment.pk]))
    manager.post(answer.url, {"key": new_key(), "reason": "账户待核"})

    assert Payment.objects.get(pk=payment.pk).state == "cancelled"
    assert "1 笔" in text(manager, "rosters:roster", roster.pk)


def test_a_providers_payment_comes_off_a_batch_and_shows_the_way_when_it_came_back(world: World) -> None:
    _insurer, roster = insured(world)
    batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8)
    manager, payment = log_in(world.fund_manager), batch.payments.get()
    way = manager.get(reverse("funds:unlist", args=[payment.pk])).url
    assert roster.title in manager.get(way).content.decode()
    manager.post(way, {"key": new_key(), "reason": "发票没到"})
    assert Payment.objects.get(pk=payment.pk).state == "cancelled"

    again = paying.build(roster.pk, by=world.fund_manager, key="z" * 8)
    payments.check_batch(again.pk, by=world.fund_checker, key="c")
    payments.release_batch(again.pk, by=world.cashier, key="r")
    answer = payments.Answer(again.payments.get(state="sent").pk, False, "已销户")
    payments.record_answers([answer], by=world.cashier, key="a")

    assert "登记新账户" in text(manager, "rosters:roster", roster.pk)
    assert "等资金管理登记新账户" in text(manager, "rosters:returned")


def test_help_of_a_list_is_named_beside_a_case_of_the_same_person(world: World) -> None:
    roster = approved(world, 1)
    case = world.brought_to("fund_reserved", household=line(roster).household)
    assert case.beneficiary == line(roster).person

    page = log_in(world.fund_manager).post(reverse("funds:build"), {"case": [case.pk]}).content.decode()

    assert "走访慰问 500" in page
    text(log_in(world.fund_manager), "funds:entries", programme="visit_condolence")  # no programme of cases


def test_a_changed_account_is_shown_and_signed_again_on_its_page(world: World) -> None:
    roster = approved(world, 2)
    another_account(world, roster)
    approver = log_in(world.township_approver)
    sign = reverse("rosters:sign", args=[line(roster).pk])

    with clock.frozen_at(LATER):
        page = text(approver, "rosters:roster", roster.pk, unsigned="1")
        assert "1 行在批准以后换了姓名或账户" in page and page.count('<tr role="row">') == 2 and sign in page
        assert sign not in text(log_in(world.township_clerk), "rosters:roster", roster.pk)
        form = approver.get(sign).content.decode()
        assert "上次签的" in form and "0778" in form
        assert approver.post(sign, {"key": new_key(), "because": ""}).status_code == 422
        approver.post(sign, {"key": new_key(), "because": "看过存折，问过本人"})

    assert line(roster).signatures.latest("id").because == "看过存折，问过本人"


def test_the_auditor_follows_a_payment_of_a_list_to_its_signatures_and_accounts(world: World) -> None:
    roster, batch = with_the_bank(world, 2)
    payment = batch.payments.get(subject=line(roster).key)
    auditor = log_in(world.auditor)

    page = text(auditor, "audit:payment", payment.pk)

    for name, pk in (("funds:batch", batch.pk), ("rosters:roster", roster.pk), ("rosters:print", roster.pk)):
        assert reverse(name, args=[pk]) in page
        assert auditor.get(reverse(name, args=[pk])).status_code == 200
    assert world.township_approver.name in page and "名册跟签字时一样" in page and roster.approved_digest[:16] in page
    assert line(roster).account.masked in page
    menu = text(auditor, "audit:search")
    for name in ("rosters:home", "funds:payments", "funds:imprest"):
        assert reverse(name) in menu and auditor.get(reverse(name)).status_code == 200
    renamed(roster)
    assert "签字以后改过" in text(auditor, "audit:payment", payment.pk)
    assert log_in(world.township_clerk).get(reverse("audit:payment", args=[payment.pk])).status_code == 404


def test_what_a_list_shows_is_what_each_may_do(world: World) -> None:
    money(world)
    roster = drafted(world, 2)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    assert "公示中" in text(log_in(world.township_clerk), "rosters:home")
    with clock.frozen_at(AFTER_NOTICE):
        form = text(log_in(world.township_approver), "rosters:approve", roster.pk)
        assert "一共 2 人，800 元（捌佰元整）" in form
        deciding.approve(roster.pk, by=world.township_approver)
        batch = paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        payments.check_batch(batch.pk, by=world.fund_checker, key="c")
        payments.release_batch(batch.pk, by=world.cashier, key="r")
        export = reverse("funds:export", args=[batch.pk])
        assert export in text(log_in(world.cashier), "rosters:roster", roster.pk)
        for who in (world.village_clerk, world.township_approver, world.county_reviewer):
            assert export not in text(log_in(who), "rosters:roster", roster.pk)
        page = text(log_in(world.fund_checker), "funds:batch", batch.pk)
        assert roster.title in page and reverse("rosters:roster", args=[roster.pk]) in page


def test_a_returned_payment_is_the_villages_task_and_then_the_funds(world: World) -> None:
    roster, batch = with_the_bank(world, 2)
    first = batch.payments.order_by("id").first()
    with clock.frozen_at(AFTER_NOTICE):
        payments.record_answers([payments.Answer(first.pk, False, "已销户")], by=world.cashier, key="a")
        assert "名册退回 1 笔" in text(log_in(world.village_clerk), "village:todo")
        assert "名册退回" not in text(log_in(world.other_clerk), "village:todo")
        page = text(log_in(world.village_clerk), "rosters:returned")
        assert reverse("village:account", args=[line(roster).household_id]) in page
        assert "退回的名册付款 1 笔" in text(log_in(world.village_clerk), "rosters:home")
        assert first.payee_name not in text(log_in(world.other_clerk), "rosters:returned")
        log_in(world.village_clerk).post(
            reverse("village:account", args=[line(roster).household_id]),
            {
                "number": "9999990000000000777",
                "again": "9999990000000000777",
                "holder_id": line(roster).person_id,
                "kind": "card",
                "bank": "禾丰农商银行",
                "sure": "on",
            },
        )
    with clock.frozen_at(LATER):
        assert "等乡镇审批重新签字" in text(log_in(world.fund_manager), "rosters:returned")
        sign = reverse("rosters:sign", args=[line(roster).pk])
        assert sign in text(log_in(world.township_approver), "rosters:returned")
        log_in(world.township_approver).post(sign, {"key": new_key(), "because": "看过存折"})
        assert "账户改好了" in text(log_in(world.fund_manager), "rosters:returned")


def test_cash_is_handed_over_by_two_with_the_receipts_picture(world: World) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()
    sent = {
        "key": new_key(), "handed_on": LATER.isoformat(), "place": "家里", "signed_how": "thumbprint", "received_by": "本人",
    }  # fmt: skip
    with clock.frozen_at(LATER):
        clerk, url = log_in(world.village_clerk), reverse("rosters:handover", args=[payment.pk])
        page = text(clerk, "rosters:roster", roster.pk)
        assert url in page and reverse("rosters:not_taken", args=[payment.pk]) not in page
        refused = clerk.post(url, sent | {"second": world.village_head.pk, "receipt": picture()})
        assert "不是村委会的" in refused.content.decode() and not CashHandover.objects.exists()
        sent["second"] = world.resident_cadre.pk
        for _press in range(2):
            answer = clerk.post(url, sent | {"receipt": picture()})
            assert answer.status_code == 302, answer.content.decode()

        assert Payment.objects.get(pk=payment.pk).state == "sent"
        assert "等确认" in text(clerk, "rosters:roster", roster.pk)
        confirmed_by_the_second()
        assert Payment.objects.get(pk=payment.pk).state == "credited"
        assert CashHandover.objects.get().payer_two == world.resident_cadre
        assert clerk.get(url).url == reverse("rosters:roster", args=[roster.pk])


def test_only_who_is_in_office_today_goes_along(world: World) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    Appointment.objects.filter(staff=world.resident_cadre).update(valid_from=LATER + datetime.timedelta(days=1))
    Appointment.objects.filter(staff=world.township_clerk).update(valid_to=LATER)

    with clock.frozen_at(LATER):
        page = text(log_in(world.village_clerk), "rosters:handover", batch.payments.get().pk)

    assert ">resident_cadre<" not in page and ">township_clerk<" in page


def test_cash_of_a_list_that_nobody_took_is_recorded_from_the_batch_and_goes_out_again(world: World) -> None:
    roster, batch = with_the_bank(world, 1, channel="cash", cash_reason="老人不会用卡")
    payment = batch.payments.get()
    with clock.frozen_at(LATER):
        cashier = log_in(world.cashier)
        page = text(cashier, "funds:batch", batch.pk)
        for name in ("handed", "not_taken"):
            url = reverse(f"funds:{name}", args=[payment.pk])
            assert url in page
            shown = cashier.get(url, follow=True)
            assert shown.status_code == 200 and line(roster).person.name in shown.content.decode()
        url = reverse("rosters:not_taken", args=[payment.pk])
        assert log_in(world.village_clerk).post(url, {"key": new_key(), "reason": "x"}).status_code == 403
        for _press in range(2):
            answer = cashier.post(url, {"key": new_key(), "reason": "人不在家"})
            assert answer.url == reverse("rosters:roster", args=[roster.pk])
        returned = text(log_in(world.fund_manager), "rosters:returned")

    payment = Payment.objects.get(pk=payment.pk)
    assert (payment.state, payment.returned_reason) == ("returned", "没有领取：人不在家")
    assert "可以另列一批再发" in returned and "改账户" not in returned


def test_the_notice_of_a_list_masks_names_and_shows_no_account(world: World) -> None:
    roster = drafted(world, 2)
    first = line(roster)

    page = text(log_in(world.township_clerk), "rosters:print", roster.pk)

    assert f"江*{first.person.name[-1]}" in page
    assert first.person.name not in page and first.account.number_last4 not in page and "签字或按手印" not in page


def test_lists_that_wait_are_counted_in_the_menu_of_those_they_wait_for(world: World) -> None:
    money(world)
    roster = drafted(world, 1)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    everybody = (world.township_approver, world.township_clerk, world.fund_manager)
    assert [waiting(who) for who in everybody] == [0, 0, 0]

    with clock.frozen_at(AFTER_NOTICE):
        assert [waiting(who) for who in everybody] == [1, 0, 0]
        deciding.approve(roster.pk, by=world.township_approver)
        assert [waiting(who) for who in everybody] == [0, 0, 1]
        paying.build(roster.pk, by=world.fund_manager, key="k" * 8, bank="禾丰农商银行")
        assert [waiting(who) for who in everybody] == [0, 0, 0]


def test_the_printed_list_has_its_capitals_and_room_to_sign(world: World) -> None:
    roster = approved(world)

    page = text(log_in(world.township_clerk), "rosters:print", roster.pk)

    assert "壹仟壹佰元整" in page
    assert "签字或按手印" in page
    assert roster.approved_digest[:16] in page


def test_a_long_list_is_approved_and_listed_by_jobs_that_show_their_progress(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LONG", 1)
    money(world)
    roster = drafted(world)
    deciding.put_up(roster.pk, place="村委会", by=world.township_clerk)
    monkeypatch.setattr(runner.Progress, "__call__", lambda *_args, **_more: None)  # it has a connection of its own
    with clock.frozen_at(AFTER_NOTICE):
        approver = log_in(world.township_approver)
        for _press in range(2):
            page = approver.post(reverse("rosters:approve", args=[roster.pk]), {"key": new_key()}, follow=True)
        assert "<progress" in page.content.decode()
        assert page["Refresh"] == "2"
        runner.run(Job.objects.get().pk)
        manager = log_in(world.fund_manager)
        manager.post(reverse("rosters:pay", args=[roster.pk]), {"key": new_key(), "bank": "禾丰农商银行"})
        runner.run(Job.objects.latest("pk").pk)

    assert [job.state for job in Job.objects.order_by("pk")] == ["done", "done"], [
        job.error for job in Job.objects.all()
    ]
    assert RosterBatch.objects.get(roster=roster).batch.payments.count() == 3
    assert log_in(world.village_clerk).get(reverse("rosters:job", args=[Job.objects.first().pk])).status_code == 404


def test_a_long_list_is_released_by_a_job_as_it_was_typed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.Progress, "__call__", lambda *_args, **_more: None)
    _roster, batch = checked(world)
    monkeypatch.setattr(jobs, "LONG", 1)
    sums = batch.payments.aggregate(n=Count("id"), fen=Sum("amount_fen"))
    typed = {"count": sums["n"], "total_fen": f"{sums['fen'] // 100}.{sums['fen'] % 100:02}", "password": PASSWORD}
    with clock.frozen_at(AFTER_NOTICE):
        cashier = log_in(world.cashier)
        for _press in range(2):
            page = cashier.post(reverse("funds:release", args=[batch.pk]), {"key": new_key(), **typed}, follow=True)
        assert "<progress" in page.content.decode()
        assert PaymentBatch.objects.get().state == "checked", "nothing happens in the request"
        taken_off = batch.payments.order_by("pk").last()
        with acting(world.fund_manager, reason="died"):
            funds.unlist_payment(taken_off)
        job = Job.objects.get()
        runner.run(job.pk)
        job.refresh_from_db()
        assert (job.state, PaymentBatch.objects.get().state) == ("failed", "checked"), "not what was typed"
        assert "有人改过" in job.error

        fewer = {"count": sums["n"] - 1, "total_fen": str((sums["fen"] - taken_off.amount_fen) / 100)}
        cashier.post(reverse("funds:release", args=[batch.pk]), {"key": new_key(), **typed, **fewer})
        runner.run(Job.objects.latest("pk").pk)
    assert set(batch.payments.values_list("state", flat=True)) == {"sent", "cancelled"}
    assert (
        f'href="{reverse("funds:batch", args=[batch.pk])}"'
        in cashier.get(reverse("rosters:job", args=[Job.objects.latest("pk").pk])).content.decode()
    )


@pytest.mark.parametrize("step", ["check", "release"])
def test_a_list_is_checked_and_released_by_whoever_holds_the_post(world: World, step: str) -> None:
    _roster, batch = {"check": listed, "release": checked}[step](world)
    verb = {"check": payments.check_batch, "release": payments.release_batch}[step]

    with pytest.raises(NotYourTurn), clock.frozen_at(AFTER_NOTICE):
        verb(batch.pk, by=world.village_clerk, key="k")

    assert PaymentBatch.objects.get().state == {"check": "draft", "release": "checked"}[step]


def test_lists_cost_the_same_queries_however_long(world: World, django_assert_num_queries: Any) -> None:
    roster = drafted(world, 2)
    client = log_in(world.township_clerk)

    def queries(url: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        client.get(url)
        with CaptureQueriesContext(connection) as seen:
            client.get(url)
        return len(seen)

    urls = [
        reverse("rosters:home"),
        reverse("rosters:roster", args=[roster.pk]),
        reverse("rosters:print", args=[roster.pk]),
    ]
    before = [queries(url) for url in urls]
    for _n in range(6):
        world.household()
    from casework.rosters import building

    building.fill_by_rule(roster.pk, by=world.township_clerk)
    for n in range(3):
        drafted(world, 1, key=f"more{n}", event="mid_autumn", year=2026 + n)

    assert RosterLine.objects.filter(roster=roster).count() >= 8
    for url, n in zip(urls, before, strict=True):
        with django_assert_num_queries(n):
            client.get(url)
