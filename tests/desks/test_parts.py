"""Help in parts as the village, the township and the administrators meet it: the case page, its acts, the lists, services."""

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from audit import clock
from casework import services_log
from casework.models import Case
from casework.services_log import Service
from funds import providers
from funds.models import Instalment, Payment, Recovery, Reservation
from tests.casework.test_help_in_parts import (
    MONTHS,
    PROGRESS,
    TERMS,
    cash_batch,
    decided,
    paid_once,
    provider,
    receipt,
    rules,
)
from tests.casework.test_imprest_case import AFTER_THE_NOTICE, accepted, paid_at_once
from tests.casework.test_no_dead_ends import answer, emergency
from tests.casework.test_whole_way import pay
from tests.desks.test_case_page import at_desk, key_of, photo
from tests.funds.floats import a_float
from tests.world import START, World, case_now


@pytest.fixture
def house(world: World) -> Case:
    """A house that is paid for by progress; nobody has looked yet."""
    return decided(world, PROGRESS, amount_fen=200_000)


def page(world: World, role: str, case: Case) -> Any:
    return at_desk(world.staff[role]).get(f"/cases/{case.pk}/")


def act(world: World, role: str, case: Case, action: str, **fields: Any) -> Any:
    client = at_desk(world.staff[role])
    url = f"/cases/{case.pk}/act/{action}/"
    shown = client.get(url)
    return client.post(url, {"key": key_of(shown), **fields}) if shown.status_code == 200 else shown


def checked(world: World, case: Case, **more: Any) -> None:
    world.do(case, "check_instalment", "township_clerk", reason="地基打好了", **more)


def half_built(world: World, case: Case) -> Case:
    checked(world, case)
    paid_once(world, case, "one")
    return case_now(case)


# --- the case page ---------------------------------------------------------------------------------------------------


def test_before_the_first_part_it_says_that_somebody_has_to_look(world: World, house: Case) -> None:
    clerk, manager = page(world, "township_clerk", house), page(world, "fund_manager", house)

    assert "等核查第一期" in clerk.text and "下一期「开工」：要先核查" in clerk.text
    assert clerk.context["turn"]["do"]["label"] == "核查通过，可以付这一期"
    assert "do" not in manager.context["turn"]
    assert [line["row"].label for line in clerk.context["parts"]] == ["开工", "主体完工", "验收"]


def test_a_checked_part_is_the_fund_managers(world: World, house: Case) -> None:
    checked(world, house)

    shown = page(world, "fund_manager", house)
    assert shown.context["turn"]["do"]["label"] == "列入付款"
    assert "地基打好了" in shown.text and "可以付了" in shown.text
    assert "check_instalment" not in page(world, "township_clerk", house).text


def test_between_payments_strip_turn_and_way_ahead_make_sense(world: World, house: Case) -> None:
    case = half_built(world, house)

    shown = page(world, "township_clerk", case)
    now = next(step for step in shown.context["strip"] if step["state"] == "now")
    assert (str(now["label"]), now["note"]) == ("付钱", "1/3 期")
    assert shown.context["turn"]["title"] == "付了一部分，等核查下一期"
    ahead = [str(line["title"]) for line in shown.context["timeline"] if line["tone"] == "next"]
    assert ahead == ["拨付中", "分期发放中", "拨付中"]
    assert "银行回单：已到账，600 元" in shown.text  # of this part, not of the whole decision
    states = [(line["row"].n, line["words"]) for line in shown.context["parts"]]
    assert states == [(1, "付过了"), (2, "还没付"), (3, "还没付")]


def test_a_check_months_ahead_is_not_what_to_do_today(world: World) -> None:
    case = decided(world, TERMS)
    paid_once(world, case, "one")

    assert "do" not in page(world, "township_clerk", case).context["turn"]
    with clock.frozen_at(START + datetime.timedelta(days=150)):
        assert "do" in page(world, "township_clerk", case).context["turn"]


def test_suspended_help_says_why_and_who_resumes_it(world: World, house: Case) -> None:
    case = half_built(world, house)
    act(world, "township_clerk", case, "suspend", reason="屋主外出，暂时停工")

    shown = page(world, "township_approver", case_now(case))
    assert case_now(case).state == "suspended"
    assert shown.context["turn"]["text"] == "「屋主外出，暂时停工」"
    assert shown.context["turn"]["do"]["label"] == "恢复发放"
    assert "做不了主" not in shown.text and "do" not in page(world, "township_clerk", case).context["turn"]
    act(world, "township_approver", case_now(case), "resume", reason="回来开工了")
    assert case_now(case).state == "between_payments"


def test_stopping_says_what_is_given_up_and_frees_it_once(world: World, house: Case) -> None:
    case = half_built(world, house)
    form = at_desk(world.township_clerk).get(f"/cases/{case.pk}/act/stop_payments/")
    assert "还有 2 期没有付" in form.text
    act(world, "township_clerk", case, "stop_payments", reason="不盖了")

    shown = page(world, "village_clerk", case_now(case))
    assert case_now(case).state == "paid" and Reservation.objects.get(subject=case.subject).released_fen == 140_000
    assert [line["words"] for line in shown.context["parts"]] == ["付过了", "不付了", "不付了"]
    assert "已解锁" in shown.text


def test_money_page_shows_cash_its_two_payers_and_the_receipt(world: World) -> None:
    case = world.brought_to("fund_reserved")
    cash_batch(world, case)
    paper = receipt(world, case)
    data = {"document_id": paper, "received_by": "本人", "second_payer": world.township_clerk.pk, "place": "家里"}
    world.do(case, "cash_handed", "fund_manager", data=data)

    text = page(world, "township_clerk", case).text
    assert "现金，fund_manager、township_clerk" in text and f"/documents/{paper}/" in text


def test_money_page_shows_what_the_bank_took_back_and_what_is_owed(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "payment_clawed_back", "cashier", reason="已销户")
    assert "到账以后银行又退回" in page(world, "township_clerk", case).text

    other = world.brought_to("fund_reserved")
    pay(world, other, key="batch-cccccccc")
    answer(world, other, credited=True, key="yes2")
    world.do(other, "reclaim", "township_approver", reason="瞒报", data={"amount_fen": 150_000})
    assert "还有 1,500 元没有追回" in page(world, "township_clerk", other).text


def test_the_number_of_queries_does_not_grow_with_the_parts(world: World) -> None:
    def queries(case: Case) -> int:
        client = at_desk(world.township_clerk)
        client.get(f"/cases/{case.pk}/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/cases/{case.pk}/").status_code == 200
        return len(captured)

    few = decided(world, MONTHS, amount_fen=90_000)
    paid_once(world, few, "few")
    rules_of_many = decided_more(world)
    assert queries(rules_of_many) <= queries(few)


def decided_more(world: World) -> Case:
    import json

    from flows.services import draft_version, publish_version
    from tests.world import DEMO

    stored = json.loads((DEMO / "programmes.json").read_text())["disaster_relief"]["parameters"]
    version = draft_version(
        "disaster_relief",
        stored | {"payments": {"parts": 36, "every_months": 1}},
        valid_from=START + datetime.timedelta(days=1),
        by=world.sysadmin,
    )
    publish_version(version.pk, by=world.sysadmin_2)
    with clock.frozen_at(START + datetime.timedelta(days=1)):
        case = world.brought_to("fund_reserved", amount_fen=90_000)
        paid_once(world, case, "many")
    return case_now(case)


# --- acts ------------------------------------------------------------------------------------------------------------


def test_a_check_takes_words_an_amount_and_pictures_in_one_form(world: World, house: Case) -> None:
    form = at_desk(world.township_clerk).get(f"/cases/{house.pk}/act/check_instalment/")
    assert "开工" in form.text and "600" in form.text and "进度照片" in form.text
    answered = act(
        world, "township_clerk", house, "check_instalment",
        reason="只挖了一半", amount_fen="500", progress_photo=photo("a.jpg"),
    )  # fmt: skip

    assert answered.status_code == 302
    part = Instalment.objects.get(reservation__subject=house.subject, n=1)
    assert (part.amount_fen, part.check_note, part.checked_by) == (50_000, "只挖了一半", world.township_clerk)
    paper = house.papers.get(kind="progress_photo")
    assert paper.document.added_by == world.township_clerk
    paid_once(world, house, "one")  # the picture does not void the signature
    assert Payment.objects.get(subject=house.subject).amount_fen == 50_000


def test_a_bad_picture_leaves_no_check_behind(world: World, house: Case) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    answered = act(
        world, "township_clerk", house, "check_instalment",
        reason="看了", progress_photo=SimpleUploadedFile("a.jpg", b"not a picture"),
    )  # fmt: skip

    assert answered.status_code == 422
    assert Instalment.objects.get(reservation__subject=house.subject, n=1).checked_on is None
    assert case_now(house).acts == house.acts


def test_more_than_planned_is_refused_on_the_form(world: World, house: Case) -> None:
    answered = act(world, "township_clerk", house, "check_instalment", reason="多盖了", amount_fen="600.01")

    assert answered.status_code == 422 and "最多 600 元" in answered.text


def test_pressing_twice_checks_one_part(world: World, house: Case) -> None:
    client, url = at_desk(world.township_clerk), f"/cases/{house.pk}/act/check_instalment/"
    sent = {"key": key_of(client.get(url)), "reason": "地基打好了"}

    assert [client.post(url, sent).status_code for _ in range(2)] == [302, 302]
    assert house.events.filter(action="check_instalment").count() == 1


def test_where_nothing_waits_for_a_check_the_page_says_so(world: World, house: Case) -> None:
    checked(world, house)

    answered = at_desk(world.township_clerk).get(f"/cases/{house.pk}/act/check_instalment/")
    assert answered.status_code == 403 and "没有等核查的期次" in answered.text


def test_asking_back_starts_with_all_that_was_paid(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    form = at_desk(world.township_approver).get(f"/cases/{case.pk}/act/reclaim/")
    assert 'value="2000"' in form.text
    assert act(world, "township_approver", case, "reclaim", reason="瞒报", amount_fen="2000.01").status_code == 422
    assert act(world, "township_approver", case, "reclaim", reason="瞒报", amount_fen="2000").status_code == 302

    assert Recovery.objects.get(subject=case.subject).owed_fen == 200_000


def test_which_of_the_parts_came_back_is_named(world: World) -> None:
    case = decided(world, MONTHS, amount_fen=90_000)
    paid_once(world, case, "one")
    first = Payment.objects.get(subject=case.subject)
    with clock.frozen_at(START + datetime.timedelta(days=31)):
        paid_once(world, case, "two")
        form = at_desk(world.cashier).get(f"/cases/{case.pk}/act/payment_clawed_back/")
        assert [pk for pk, _words in form.context["form"].fields["payment_id"].choices] == [first.pk + 1, first.pk]
        said = {"reason": "账户已冻结", "answered_on_year": "2026", "answered_on_month": "5", "answered_on_day": "16"}
        assert act(world, "cashier", case, "payment_clawed_back", **said).status_code == 422
        assert act(world, "cashier", case, "payment_clawed_back", payment_id=first.pk, **said).status_code == 302

    first = Payment.objects.get(pk=first.pk)
    assert (first.state, first.returned_reason, case_now(case).state) == ("returned", "账户已冻结", "payment_returned")


def test_parts_without_names_are_told_in_english(world: World) -> None:
    case = decided(world, MONTHS, amount_fen=90_000)
    paid_once(world, case, "one")

    client = at_desk(world.fund_manager)
    client.cookies["django_language"] = "en"

    with translation.override("en"):  # and afterwards as before
        shown = client.get(f"/cases/{case.pk}/").text
    assert "Part 2" in shown and "第 2 期" not in shown and "第 2 期" in page(world, "fund_manager", case).text


def test_where_nothing_has_arrived_nothing_is_taken_back(world: World) -> None:
    case = decided(world, MONTHS, amount_fen=90_000)
    paid_once(world, case, "one")
    world.do(case, "payment_clawed_back", "cashier", reason="账户已冻结")

    assert "payment_clawed_back" not in page(world, "cashier", case).text
    assert "没有已经到账的付款" in at_desk(world.cashier).get(f"/cases/{case.pk}/act/payment_clawed_back/").text


def test_what_went_out_of_a_float_is_asked_back_and_its_entries_are_shown(world: World) -> None:
    a_float(world, 500_000, 500_000)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    accepted(world, case)
    with clock.frozen_at(AFTER_THE_NOTICE):
        form = at_desk(world.staff["township_approver_2"]).get(f"/cases/{case.pk}/act/reclaim/")
        assert 'value="1000"' in form.text
        assert (
            act(world, "township_approver_2", case, "reclaim", reason="材料不实", amount_fen="800").status_code == 302
        )
        came = {"reason": "本人退回", "amount_fen": "300", "document_no": "SJ-3"}
        assert act(world, "fund_manager", case, "record_recovery", **came).status_code == 302

    shown = at_desk(world.fund_manager).get(f"/funds/recovery/{case.pk}/")
    [entry] = shown.context["entries"]
    assert (entry.kind, entry.amount_fen, entry.document_no) == ("recover", 30_000, "SJ-3")


def test_what_a_family_gives_back_into_the_float_stands_on_its_recovery(world: World) -> None:
    """What was settled makes the float whole too, but no family brought it."""
    a_float(world, 500_000, 500_000)
    case = emergency(world, 100_000)
    paid_at_once(world, case)
    world.do(
        case, "refuse", "township_approver_2", reason="没有补手续", reason_code="no_papers", data={"amount_fen": 70_000}
    )
    came = {"reason": "本人退回", "amount_fen": "300", "document_no": "SJ-4"}
    assert act(world, "fund_manager", case, "record_recovery", **came).status_code == 302

    shown = at_desk(world.fund_manager).get(f"/funds/recovery/{case.pk}/")
    assert [(entry.kind, entry.amount_fen) for entry in shown.context["entries"]] == [("imprest_replenish", 30_000)]
    assert "SJ-4" in shown.text and Recovery.objects.get(subject=case.subject).recovered_fen == 30_000


def test_a_recovery_is_not_finished_with_a_nought_while_something_is_owed(world: World) -> None:
    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.do(case, "reclaim", "township_approver", reason="瞒报", data={"amount_fen": 150_000})

    form = at_desk(world.fund_manager).get(f"/cases/{case.pk}/act/finish_recovery/")
    assert "还欠 1,500 元" in form.text and "提出核销" in form.text and "填 0" not in form.text
    refused = act(world, "fund_manager", case, "finish_recovery", reason="算了", amount_fen="0")
    assert "还有 1,500 元没有追回" in refused.text and case_now(case).state == "recovery"


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_township_lists_what_waits_for_a_check_and_what_is_suspended(world: World, house: Case) -> None:
    clerk = at_desk(world.township_clerk)
    waiting = clerk.get("/township/parts/")
    assert [row["part"].label for row in waiting.context["rows"]] == ["开工"]
    case = half_built(world, house)
    world.do(case, "suspend", "township_clerk", reason="停工")

    assert not clerk.get("/township/parts/").context["rows"]
    suspended = at_desk(world.township_approver).get("/township/parts/?show=suspended")
    assert [row["suspended"].reason for row in suspended.context["rows"]] == ["停工"]
    review = at_desk(world.township_approver).get(f"/township/review/{case.pk}/")
    assert f"/cases/{case.pk}/" in review.text and "到个案页办" in review.text


def test_the_list_of_parts_asks_the_same_number_of_questions_for_one_and_for_many(world: World, house: Case) -> None:
    def queries() -> int:
        client = at_desk(world.township_clerk)
        client.get("/township/parts/")
        with CaptureQueriesContext(connection) as captured:
            client.get("/township/parts/")
        return len(captured)

    one = queries()
    for _ in range(3):
        world.brought_to("fund_reserved", amount_fen=100_000)
    assert queries() == one


def test_visits_go_on_while_help_is_paid_in_parts_and_move_nobodys_turn(world: World, house: Case) -> None:
    case = half_built(world, house)
    before = (case.turn_role, case.due_on)
    assert not at_desk(world.village_clerk).get("/village/todo/").text.count(case.head_name)
    with clock.frozen_at(START + datetime.timedelta(days=6)):
        assert case.head_name in at_desk(world.village_clerk).get("/village/todo/").text
        assert page(world, "village_clerk", case).context["turn"]["do"]["label"] == "记一次回访"
        answered = act(
            world, "village_clerk", case, "visit",
            satisfaction="5", words="墙砌起来了", photo=photo(),
            visited_on_year="2026", visited_on_month="4", visited_on_day="21",
        )  # fmt: skip

    assert answered.status_code == 302
    case = case_now(case)
    assert (case.turn_role, case.due_on, case.state) == (*before, "between_payments")
    assert case.visits.filter(visited_on__isnull=False).count() == 1


# --- who is paid -----------------------------------------------------------------------------------------------------


def surveyed(world: World) -> Case:
    case = world.open()
    world.do(case, "triage", "village_clerk")
    world.do(case, "start_survey", "village_clerk")
    world.survey(case.household)
    world.papers(case, *case.rules.documents.get("register", []))
    return case_now(case)


def test_a_checked_provider_may_be_chosen_when_the_rules_say_so(world: World) -> None:
    rules(world, pays_to=["family", "care_home"], payments=MONTHS)
    home, other = provider(world), provider(world, "school", "禾源县第一小学")
    case = surveyed(world)
    form = at_desk(world.village_clerk).get(f"/cases/{case.pk}/act/register/")
    assert home.name not in form.text  # nobody has compared its account
    for row in (home, other):
        providers.check(row, by=world.fund_checker)
    form = at_desk(world.village_clerk).get(f"/cases/{case.pk}/act/register/")
    assert home.name in form.text and other.name not in form.text
    registered = {"amount_fen": "900", "cause": "illness", "summary": "", "payee": str(home.pk)}
    assert act(world, "village_clerk", case, "register", **registered).status_code == 302

    assert case_now(case).provider == home
    world.do(case, "submit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    assert home.name not in str(case.notices.get().facts)  # nothing about it is public
    world._end_notice(case)
    assert home.name in at_desk(world.township_clerk).get(f"/township/review/{case.pk}/").text
    assert home.name in page(world, "village_clerk", case_now(case)).text


def test_what_was_chosen_may_be_the_family_again(world: World) -> None:
    rules(world, pays_to=["family", "care_home"])
    home = provider(world)
    providers.check(home, by=world.fund_checker)
    case = surveyed(world)
    sent = {"amount_fen": "900", "cause": "illness", "summary": ""}
    act(world, "village_clerk", case, "register", **sent, payee=str(home.pk))
    world.do(case, "submit", "village_clerk")
    world.do(case, "village_return", "village_head", reason="付给家里")
    act(world, "village_clerk", case, "resubmit", **sent, payee="family")

    assert case_now(case).provider is None and case_now(case).payee_account is not None


def test_a_providers_new_account_is_chosen_as_it_was_recorded_anew(world: World) -> None:
    rules(world, pays_to=["care_home"])
    home = provider(world)
    providers.check(home, by=world.fund_checker)
    case = surveyed(world)
    act(world, "village_clerk", case, "register", amount_fen="900", cause="illness", summary="", payee=str(home.pk))
    world.do(case, "submit", "village_clerk")
    world.deliberate(case)
    world.do(case, "endorse", "village_head")
    world._end_notice(case)
    world.do(case, "check", "township_clerk")
    world.do(case, "approve", "township_approver")
    pay(world, case)
    answer(world, case, credited=False, key="no", reason="账号不存在")
    client = at_desk(world.village_clerk)
    assert "还没有新账户" in client.get(f"/cases/{case.pk}/act/correct_account/").text
    providers.end(home, by=world.fund_manager)
    again = providers.record(
        name=home.name, kind=home.kind, unit=world.county, bank="禾丰农商银行", account_no="9999990000000000055",
        by=world.fund_manager,
    )  # fmt: skip
    providers.check(again, by=world.fund_checker)

    assert act(world, "village_clerk", case, "correct_account", provider_id=str(again.pk)).status_code == 302
    assert case_now(case).provider == again and case_now(case).turn_role == "fund_manager"


# --- services --------------------------------------------------------------------------------------------------------


def test_services_are_written_down_on_their_page_and_printed_for_signing(world: World) -> None:
    case = decided(world, PROGRESS)
    client = at_desk(world.village_clerk)
    shown = client.get(f"/cases/{case.pk}/services/")
    day = {"served_on_year": "2026", "served_on_month": "4", "served_on_day": "15"}
    sent = {"key": key_of(shown), **day, "what": "上门助餐", "minutes": "60", "amount_fen": "15", "signed_by": "本人"}
    assert [client.post(f"/cases/{case.pk}/services/", sent).status_code for _ in range(2)] == [302, 302]

    entry = case.services.get()
    assert (entry.minutes, entry.amount_fen, entry.recorded_by) == (60, 1_500, world.village_clerk)
    sheet = client.get(f"/cases/{case.pk}/services/2026-4/")
    assert "上门助餐" in sheet.text and "签字或按手印" in sheet.text
    assert client.get(f"/cases/{case.pk}/services/2026-13/").status_code == 404
    client.post(f"/cases/{case.pk}/services/{entry.pk}/withdraw/", {"reason": "记错了家"})
    entry.refresh_from_db()
    assert entry.withdraw_reason == "记错了家" and "已撤" in client.get(f"/cases/{case.pk}/services/").text


def test_too_many_hours_are_refused_with_what_was_typed_kept(world: World) -> None:
    case = decided(world, PROGRESS)
    client = at_desk(world.village_clerk)
    day = {"served_on_year": "2026", "served_on_month": "4", "served_on_day": "15"}
    sent = {"key": "web:x", **day, "what": "陪护", "minutes": "800", "amount_fen": "15", "signed_by": "本人"}

    answered = client.post(f"/cases/{case.pk}/services/", sent)
    assert answered.status_code == 422 and "超过一天 12 小时" in answered.text and 'value="陪护"' in answered.text


def test_a_providers_month_sums_its_families_and_stays_within_reach(world: World) -> None:
    rules(world, payments=PROGRESS, pays_to=["family", "care_home"])
    home = provider(world)
    providers.check(home, by=world.fund_checker)
    case = world.brought_to("fund_reserved", amount_fen=200_000)
    Case.objects.filter(pk=case.pk).update(provider=home)
    for n in range(2):
        services_log.record(
            case.pk, Service(START, "洗澡", 90, 4_000, "本人"), by=world.village_clerk, key=f"service:{n}"
        )

    url = f"/providers/{home.pk}/services/2026-4/"
    shown = at_desk(world.township_clerk).get(url)
    assert shown.context["sums"] == {"count": 2, "minutes": 180, "amount_fen": 8_000}
    assert at_desk(world.other_clerk).get(url).status_code == 404
    assert at_desk(world.fund_manager).get(f"/cases/{case.pk}/services/").status_code == 403


def test_a_check_counts_the_services_and_bills_them(world: World, house: Case) -> None:
    services_log.record(
        house.pk, Service(START, "上门助餐", 60, 15_000, "本人"), by=world.village_clerk, key="service:1"
    )
    form = at_desk(world.township_clerk).get(f"/cases/{house.pk}/act/check_instalment/")
    assert "签过字的服务 1 次，合计 150 元" in form.text and "服务记录单" in form.text
    act(world, "township_clerk", house, "check_instalment", reason="核对了单子")

    assert Instalment.objects.get(reservation__subject=house.subject, n=1).amount_fen == 15_000
    assert house.services.get().instalment == 1
