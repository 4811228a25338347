"""Looking back: a record as it was, what changed, everything that happened; by whoever sees the record today, with her fields."""

import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access import services as access
from access.models import Appointment
from audit import clock, steps
from audit.context import acting
from audit.models import AccessLog, Entry
from casework.auditing import questions
from casework.desks.audit import records
from casework.desks.audit.reasons import reason_words
from casework.desks.audit.words import choice_words
from casework.desks.history import tables
from casework.models import Case
from families import services as families
from families.models import HouseholdMeans, Person
from funds import ledger, standing
from funds import services as funds
from tests.access.test_break_glass import begin
from tests.audit.attack import run, settle, triggers_off
from tests.desks.test_audit import paid
from tests.desks.test_township import login
from tests.world import START, World, case_now, make_staff

EARLIER, LATER = START - datetime.timedelta(days=5), START + datetime.timedelta(days=5)


@pytest.fixture
def look(world: World) -> Any:
    """look(who, "case", record, on=…): the page."""
    clients: dict[int, Client] = {}

    def look(who: Any, name: str, record: Any, *kind: str, **asked: Any) -> Any:
        client = clients.setdefault(who.pk, Client())
        client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(reverse(f"history:{name}", args=[*kind, record.pk]), asked)

    return look


def said(page: Any) -> dict[str, dict[str, str]]:
    """{section: {label: value}}"""
    return {
        str(section.title): {str(fact["label"]): str(fact["value"]) for fact in section.facts}
        for section in page.context["picture"].sections
    }


def changed(page: Any) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """{(record, field): (before, after)}"""
    return {
        (record.words, change.label): (change.before, change.after)
        for record in page.context["result"].records
        for change in record.changes
    }


# ---------------------------------------------------------------- as of a day


def test_a_case_is_shown_as_it_stood_that_day(world: World, look: Any) -> None:
    case = world.brought_to("registered", amount_fen=200_000)
    with clock.frozen_at(LATER):
        world.do(case, "submit", "village_clerk")
        world.papers(case, "other")

        then, now = look(world.auditor, "case", case, on=START.isoformat()), look(world.auditor, "case", case)

    assert said(then)["个案"]["状态"] == "已登记" and said(now)["个案"]["状态"] == "村民评议"
    assert said(then)["个案"]["办过几次"] == str(case.acts) != said(now)["个案"]["办过几次"]
    assert said(then)["个案"]["金额"] == "2,000 元"
    assert "其他材料" in said(now)["交来的材料"]
    assert set(said(then)["家里的人"]) == {case.head_name, case.household.members.last().person.name}
    assert "经办" in said(then)["谁经的手"]
    assert "第 1 版" in said(then)["所用的调查表"]


def test_before_it_was_written_a_record_was_not_there_and_the_page_says_so(world: World, look: Any) -> None:
    case = world.open()

    page = look(world.auditor, "case", case, on=EARLIER.isoformat())

    assert page.context["picture"].sections == []
    assert "那时候还没有" in page.content.decode()


@pytest.mark.parametrize("asked", [{"on": "2026-13-01"}, {"on": "never"}, {"at": "99"}, {"on": "2099-01-01"}])
def test_a_day_that_is_none_or_has_not_come_shows_today_and_says_so(world: World, look: Any, asked: dict) -> None:
    page = look(world.auditor, "case", world.open(), **asked)

    assert page.status_code == 200 and page.context["refusal"] and page.context["until"] is None


def test_a_family_is_shown_with_members_means_and_accounts_of_that_day(world: World, look: Any) -> None:
    household = world.household()
    spouse = household.members.get(relation="配偶")
    with clock.frozen_at(LATER), acting(world.village_clerk):
        spouse.valid_to = LATER
        spouse.save()
        HouseholdMeans.objects.create(household=household, year=2025, source="survey", income_total_fen=1_200_000)
        families.record_account(
            household, household.head, "9999990000000000014", kind="card", bank="新开的银行", by=world.township_clerk
        )
        then = said(look(world.auditor, "family", household, on=START.isoformat()))
        now = said(look(world.auditor, "family", household, on=LATER.isoformat()))

    assert len(then["家里的人"]) == 2 and list(now["家里的人"]) == [household.head_name]
    assert then["收支"] == {} and "12,000 元" in str(now["收支"])
    assert "新开的银行" not in str(then) and "新开的银行 **** 0014" in str(now)


def test_a_funds_balances_are_those_of_its_transfers_until_then(world: World, look: Any) -> None:
    with clock.frozen_at(LATER):
        funds.receive(world.fund, 5_000_00, key="later")
        settle()
        then, now = (
            look(world.auditor, "fund", world.fund, on=START.isoformat()),
            look(world.auditor, "fund", world.fund),
        )

    name = "余额，由当时为止的流水算出"
    assert said(then)[name]["收到"] == "1,000,000 元" and said(now)[name]["收到"] == "1,005,000 元"
    assert said(then)[name]["没有分配"] == "100,000 元" and said(now)[name]["没有分配"] == "105,000 元"
    held = standing.held_at(world.fund.pk, timezone.now())
    assert sum(sum(kinds.values()) for kinds in held.values()) == 0  # both sides of every transfer
    assert ledger.balances([world.fund])[world.fund.pk].available_fen == held[None]["available"]


def test_a_post_is_shown_with_what_its_holder_held_then(world: World, look: Any) -> None:
    post = Appointment.objects.get(staff=world.village_clerk)
    with clock.frozen_at(LATER):
        access.end_appointment(post, on=LATER - datetime.timedelta(days=1), by=world.sysadmin, reason="换岗了")
        then = said(look(world.auditor, "post", post, on=START.isoformat()))
        now = said(look(world.sysadmin, "post", post))

    assert then["那时在任的岗位"] == {"村级专干": world.village.name} and now["那时在任的岗位"] == {}
    assert then["任职"]["岗位"] == "村级专干" and "到哪天止" not in then["任职"] and now["任职"]["到哪天止"]


def test_any_other_record_is_shown_to_auditors_field_by_field(world: World, look: Any) -> None:
    person = world.household().head
    with clock.frozen_at(LATER), acting(world.village_clerk):
        person.work_status = "务农"
        person.save()
        then = look(world.auditor, "record", person, "person", on=START.isoformat())
        now = look(world.auditor, "record", person, "person")

    assert "务农" not in then.content.decode() and said(now)["内容"]["就业"] == "务农"


# ---------------------------------------------------------------- stepping


@pytest.mark.django_db(transaction=True)  # a step is a transaction
def test_one_steps_back_and_on_from_change_to_change(world: World, look: Any) -> None:
    case = world.brought_to("triaged")
    acts = Entry.objects.filter(stream=case.subject, table="casework_caseevent").count()
    assert acts == 2

    now = look(world.auditor, "case", case)
    client_get = look(world.auditor, "case", case)
    before = now.context["before"]
    client = Client()
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")
    back = client.get(before)
    on = client.get(back.context["after"])

    assert client_get.context["after"] == ""
    assert said(back)["个案"]["状态"] == "线索" and said(back)["个案"]["办过几次"] == "1"
    assert said(on)["个案"]["状态"] == "已分办" and on.context["after"] == ""
    assert back.context["before"] == ""  # the first step
    assert steps.before([case.subject], None) is None

    # and what each step changed
    entry = Entry.objects.filter(stream=case.subject, table="casework_caseevent").latest("id")
    page = client.get(reverse("history:case_between", args=[case.pk]), {"entry": entry.pk})
    assert changed(page)[("个案", "状态")] == ("线索", "已分办")
    assert [item.title for item in page.context["result"].happenings][:1] == ["已分办"]
    foreign = Entry.objects.exclude(stream=case.subject).latest("id")
    elsewhere = client.get(reverse("history:case_between", args=[case.pk]), {"entry": foreign.pk})
    assert not elsewhere.context["result"] and "这里没有这一步" in elsewhere.content.decode()
    for nonsense in ({"entry": "abc"}, {"from": "abc"}):
        told = client.get(reverse("history:case_between", args=[case.pk]), nonsense).content.decode()
        assert "abc" in told and "下面没有按它选" in told


# ---------------------------------------------------------------- differences


def test_what_changed_between_two_days_names_field_person_and_act(world: World, look: Any) -> None:
    case = world.brought_to("registered", amount_fen=200_000)
    with clock.frozen_at(LATER):
        world.do(case, "submit", "village_clerk")
        page = look(world.auditor, "case_between", case, **{"from": START.isoformat(), "to": LATER.isoformat()})
        nothing = look(world.auditor, "case_between", case, **{"from": LATER.isoformat()})

    assert changed(page)[("个案", "状态")] == ("已登记", "村民评议")
    assert ("个案", "金额") not in changed(page)
    change = next(c for r in page.context["result"].records for c in r.changes if c.label == "状态")
    assert (change.by, change.reason, change.times) == ("village_clerk", "上报村民评议", 1)
    assert [item.kind for item in page.context["result"].happenings] == ["act"]
    assert not nothing.context["result"] and "这期间没有改动" in nothing.content.decode()


def test_a_field_that_changed_twice_names_the_last_and_how_often(world: World, look: Any) -> None:
    case = world.open()
    for words, who in (("第一次", world.village_clerk), ("第二次", world.village_head)):
        with clock.frozen_at(LATER), acting(who):
            case = case_now(case)
            case.summary = words
            case.save()
    with clock.frozen_at(LATER):
        page = look(world.auditor, "case_between", case, **{"from": START.isoformat()})

    change = next(c for r in page.context["result"].records for c in r.changes if c.label == "摘要")
    assert (change.after, change.by, change.times) == ("第二次", "village_head", 2)


def test_a_sealed_number_shows_that_it_changed_and_its_ends_alone(world: World, look: Any) -> None:
    household = world.household()
    head, old = household.head, household.head.id_last4
    with clock.frozen_at(LATER), acting(world.township_clerk):
        head.set_id_number("99999919500302123" + "4")
        head.save()
        page = look(world.auditor, "family_between", household, **{"from": START.isoformat()})

    assert changed(page)[("人", "身份证号（密文）")] == (f"密文，末四位 {old}", "密文，末四位 1234")
    text = page.content.decode()
    assert (
        "999999195003021234" not in text
        and head.person_key not in text
        and bytes(head.id_number_sealed).hex()[:16] not in text
    )
    assert reverse("cases:family", args=[household.pk]) in text  # whole numbers, for a reason


def test_a_new_version_of_a_survey_is_compared_with_the_one_before(world: World, look: Any) -> None:
    household = world.household()
    world.survey(household)
    with clock.frozen_at(LATER):
        world.survey(household, facts={"household_size": 3})
        page = look(world.auditor, "family_between", household, **{"from": START.isoformat()})
        beside = look(world.auditor, "surveys", household)

    assert any(before == "2" and after == "3" for before, after in changed(page).values())
    differing = [row for part in beside.context["parts"] for row in part["rows"] if row["differs"]]
    assert [(row["before"], row["after"]) for row in differing] == [("2 人", "3 人")]
    assert [beside.context["before"].version, beside.context["after"].version] == [1, 2]


def test_no_code_of_the_program_is_left_in_what_changed(world: World, look: Any) -> None:
    case = paid(world)
    settle()

    page = look(world.auditor, "case_between", case, **{"from": "2020-01-01"})

    shown = [value for pair in changed(page).values() for value in pair if value]
    codes = ("documents/2", "image/", "case:", "application/", ".png", ".jpg", ":pay:")
    assert not [value for value in shown if any(code in value for code in codes)]
    assert f"个案 {case.pk}，第 1 次付款" in shown
    assert not [record.words for record in page.context["result"].records if "_" in record.words]


def test_every_choice_and_every_table_of_the_past_has_words() -> None:
    """A code whose title is the code itself is no word; neither is the name of a table."""
    told_otherwise = {"history_type", "role", "state", "programme", "severity", "tier", "kind", "event"}
    pasts = [model for model in apps.get_models() if hasattr(model, "instance_type")]
    bare = [
        f"{model.instance_type._meta.db_table}.{column.name}"
        for model in pasts
        for column in model._meta.concrete_fields
        if column.choices and column.name not in told_otherwise
        for code, title in column.flatchoices
        if str(title).isascii()
        and str(title)
        and code not in choice_words(model.instance_type._meta.db_table, column.name)
    ]
    assert not bare
    lives = [model.instance_type for model in pasts if model._meta.app_label == "funds"]
    assert not [model for model in lives if tables.record_words(model) == model._meta.db_table]


def test_what_services_call_themselves_is_told_in_words() -> None:
    assert reason_words("stock_issue") == "发物资" and reason_words("imprest_refill") == "申请补足备用金"
    assert reason_words("ledger import 41ed0001") == "导入台账：指纹 41ed0001 的文件"
    assert records.key_words("case:25:pay:1") == "个案 25，第 1 次付款" and records.key_words("说的话") == "说的话"


def test_what_bypassed_the_program_and_what_was_deleted_is_said(world: World, look: Any) -> None:
    case = world.brought_to("registered")
    paper = case.papers.first()
    run("UPDATE casework_case SET amount_fen = 99 WHERE id = %s", case.pk)
    run("DELETE FROM casework_casedocument WHERE id = %s", paper.pk)
    settle()

    page = look(world.auditor, "case_between", case, **{"from": "2020-01-01"})
    now = look(world.auditor, "case", case)
    timeline = look(world.auditor, "case_timeline", case)

    assert "删了" in [record.how for record in page.context["result"].records]
    assert "绕过程序" in now.content.decode() and "绕过程序改的" in timeline.content.decode()
    kept = said(now)["交来的材料"]
    assert len(kept) == case.papers.count()


def test_a_broken_chain_is_said_on_the_page(world: World, look: Any) -> None:
    case = world.open()
    settle()
    with triggers_off("casework_historicalcase"):
        run("UPDATE casework_historicalcase SET summary = '后来改的' WHERE id = %s", case.pk)

    page = look(world.auditor, "case", case)

    assert page.context["problems"] and "下面的样子不能全信" in page.content.decode()


# ---------------------------------------------------------------- the timeline


def test_one_timeline_tells_acts_money_papers_bank_reads_and_questions(world: World, look: Any) -> None:
    case = paid(world)
    families.reveal_id_number(case.household.head, by=world.township_clerk, reason="核对银行退回的户名")
    asked = questions.ask(
        world.township,
        "township_approver",
        "为什么这么快",
        "请说明",
        due_on=LATER,
        by=world.auditor,
        key="q",
        subjects=[case.subject],
    )
    questions.reply(asked, "因为房子塌了", by=world.township_approver)

    kinds = {}
    page = look(world.auditor, "case_timeline", case)
    for chip in page.context["chips"]:
        code = chip["url"].removeprefix("?kind=") if "=" in chip["url"] else ""
        kinds[code] = look(world.auditor, "case_timeline", case, kind=code).context["rows"]

    assert {row.kind for row in kinds["act"]} == {"act"} and len(kinds["act"]) == case.events.count()
    assert {"锁定", "交银行", "到账"} <= {row.title for row in kinds["money"]}
    assert any("已到账" in row.text and "HF-77" in row.text for row in kinds["bank"])
    assert any(row.paper for row in kinds["paper"])
    assert {row.title.split("：")[0] for row in kinds["notice"]} == {"评议", "公示"}
    assert [row.text for row in kinds["read"]] == ["核对银行退回的户名"]
    assert {"为什么这么快", "请说明", "因为房子塌了"} == {row.text for row in kinds["question"]}
    assert any(row.title.startswith("调查表") for row in kinds["family"])
    everything = sum(len(rows) for code, rows in kinds.items() if code)
    assert everything == len(kinds[""]) + (len(_older(look, world, case)) if page.context["older"] else 0)
    moments = [row.link.at for row in kinds[""]]
    assert moments == sorted(moments, reverse=True) and all(row.fingerprint for row in kinds[""])


def _older(look: Any, world: World, case: Case) -> list[Any]:
    found, page = [], look(world.auditor, "case_timeline", case)
    while page.context["older"]:
        key = dict(part.split("=") for part in page.context["older"][1:].split("&"))["before"]
        from urllib.parse import unquote

        page = look(world.auditor, "case_timeline", case, before=unquote(key))
        found += page.context["rows"]
    return found


def test_the_timeline_goes_on_by_key_without_a_gap_or_a_double(world: World, look: Any, monkeypatch: Any) -> None:
    from casework.desks.history import spine

    case = paid(world)
    whole = [row.link.entry for row in look(world.auditor, "case_timeline", case).context["rows"]]
    whole += [row.link.entry for row in _older(look, world, case)]
    monkeypatch.setattr(spine, "PAGE", 7)
    first = [row.link.entry for row in look(world.auditor, "case_timeline", case).context["rows"]]
    rest = [row.link.entry for row in _older(look, world, case)]

    assert len(first) == 7 and first + rest == whole and len(set(whole)) == len(whole)


@pytest.mark.parametrize("before", ["", "x", "2026~1~1", "2026-04-15T00:00:00+00:00~1~x", "2026-04-15T00:00:00~1~1"])
def test_a_place_in_the_timeline_that_is_none_shows_the_newest(world: World, look: Any, before: str) -> None:
    page = look(world.auditor, "case_timeline", world.open(), before=before)

    assert page.status_code == 200 and page.context["rows"]


# ---------------------------------------------------------------- who sees what


def test_reads_and_questions_are_for_auditors_alone(world: World, look: Any) -> None:
    case = world.brought_to("registered")
    families.reveal_id_number(case.household.head, by=world.township_clerk, reason="核对一下户名")

    clerk = look(world.township_clerk, "case_timeline", case)
    asked = look(world.township_clerk, "case_timeline", case, kind="read")

    assert "核对一下户名" not in clerk.content.decode() and asked.context["rows"] == []
    assert "看过的人" not in [str(chip["label"]) for chip in clerk.context["chips"]]


def test_whoever_pays_sees_the_case_and_its_money_and_nothing_of_the_family(world: World, look: Any) -> None:
    case = paid(world)
    spouse = case.household.members.get(relation="配偶").person

    pages = "".join(
        look(world.fund_manager, name, case, **asked).content.decode()
        for name, asked in (
            ("case", {}),
            ("case", {"on": START.isoformat()}),
            ("case_between", {"from": "2020-01-01"}),
            ("case_timeline", {}),
        )
    )

    assert "2,000 元" in pages and "已到账" in pages
    for secret in (spouse.name, "房子塌了一角", "屋顶漏雨", "肖永福", case.household.head.id_last4, "因病", "illness"):
        assert secret not in pages, secret
    assert look(world.fund_manager, "family", case.household).status_code == 404
    assert look(world.fund_manager, "surveys", case.household).status_code == 404


def test_fields_are_those_of_todays_page(world: World, look: Any) -> None:
    household = world.household()
    head = household.head
    with acting(world.village_clerk):
        head.phone, head.health = "13800000000", "serious"
        head.save()
        HouseholdMeans.objects.create(household=household, year=2025, source="survey", income_total_fen=7_654_300)

    def seen(who: Any) -> str:
        return (
            look(who, "family_between", household, **{"from": "2020-01-01"}).content.decode()
            + look(who, "family", household).content.decode()
        )

    village, auditor = seen(world.village_clerk), seen(world.auditor)
    assert "13800000000" in village and "大病" in village and "76,543 元" in village
    assert "13800000000" not in auditor and "大病" not in auditor and "（写明原因才能看）" in auditor
    for page in (village, auditor):
        assert head.person_key not in page and str(head.uid) not in page


def test_out_of_reach_is_absent_whatever_the_day(world: World, look: Any) -> None:
    case = world.open()
    post = Appointment.objects.get(staff=world.township_clerk)
    stranger = make_staff("stranger", "没有岗位的人")
    for who in (world.other_clerk, stranger):
        for name, record in (
            ("case", case), ("case_between", case), ("case_timeline", case), ("family", case.household),
            ("family_between", case.household), ("family_timeline", case.household), ("surveys", case.household),
            ("fund", world.fund), ("fund_between", world.fund), ("post", post), ("post_between", post),
        ):  # fmt: skip
            assert look(who, name, record, on=START.isoformat()).status_code == 404, (who, name)
    assert look(world.village_clerk, "record", case, "case").status_code == 404
    assert look(world.auditor, "record", case, "nonsense").status_code == 404


def test_access_is_judged_by_todays_post_not_by_that_of_the_day(world: World, look: Any) -> None:
    case = world.open()
    post = Appointment.objects.get(staff=world.village_head)
    assert look(world.village_head, "case", case).status_code == 200
    with acting(world.sysadmin):
        post.valid_to = START
        post.save()
    with clock.frozen_at(LATER):
        assert look(world.village_head, "case", case, on=START.isoformat()).status_code == 404


def test_an_emergency_look_at_the_past_stands_in_the_log_of_the_very_case(world: World) -> None:
    case, client = world.brought_to("registered"), login(Client(), world.other_clerk)
    begin(client, world)
    for address in (f"cases/{case.pk}/", f"cases/{case.pk}/timeline/", f"families/{case.household_id}/between/"):
        answer = client.get(f"/history/{address}", {"from": "2020-01-01"})
        assert answer.status_code == 200 and "12,000" not in answer.text  # no income in an emergency

    looked = AccessLog.objects.filter(fields__startswith="/history/").order_by("id").values_list("subject", flat=True)
    assert list(looked) == [case.subject, case.subject, f"household:{case.household_id}"]


# ---------------------------------------------------------------- many rows


def test_no_page_asks_more_the_longer_the_history(world: World, look: Any) -> None:
    case = paid(world)
    household = case.household
    addresses = (
        ("case", case, {}), ("case", case, {"on": START.isoformat()}), ("case_between", case, {"from": "2020-01-01"}),
        ("case_timeline", case, {}), ("family", household, {}), ("family_timeline", household, {}),
        ("family_between", household, {"from": "2020-01-01"}), ("fund", world.fund, {}),
    )  # fmt: skip

    def counts() -> list[int]:
        found = []
        for name, record, asked in addresses:
            look(world.auditor, name, record, **asked)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert look(world.auditor, name, record, **asked).status_code == 200
            found.append(len(queries))
        return found

    def grow(n: int) -> None:
        families.reveal_id_number(household.head, by=world.township_clerk, reason="核对一次户名")
        now = case_now(case)
        now.summary = str(n)
        with acting(world.village_clerk):
            now.save()
            person = Person.objects.get(pk=household.head_id)
            person.work_status = str(n)
            person.save()
            HouseholdMeans.objects.create(household=household, year=1990 + n, source="survey")

    grow(0)
    few = counts()
    for n in range(1, 20):
        grow(n)
    settle()

    assert all(many <= once for many, once in zip(counts(), few, strict=True))  # a full page may tell of fewer tables
    assert max(few) <= 75, few
