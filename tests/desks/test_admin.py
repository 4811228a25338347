"""The administration desk: accounts, posts, rules and the calendar; no case, no money."""

import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver

from access import services as access
from access.errors import BadAppointment, BadStaff
from access.models import Appointment, Delegation, Grant, OrgUnit, Staff
from access.sessions import end_sessions
from access.vault import person_key
from audit import clock
from casework.desks.admin.running import TIMERS
from casework.models import Case
from flows import calendar
from flows.models import ProgrammeVersion, WorkingDay
from jobs import timers
from jobs.models import TimerRun
from tests.desks.test_township import login
from tests.world import DEMO, START, World, case_now, id_number, make_staff

NUMBER = id_number(datetime.date(1985, 1, 1), 7, female=True)


@pytest.fixture
def admin(client: Client, world: World) -> Client:
    return login(client, world.sysadmin)


def day(name: str, date: datetime.date) -> dict[str, str]:
    return {f"{name}_year": str(date.year), f"{name}_month": str(date.month), f"{name}_day": str(date.day)}


def new_account(client: Client, username: str = "qinlan", **more: str) -> Any:
    return client.post("/admin/staff/new/", {"name": "秦岚", "id_number": NUMBER, "username": username} | more)


# ---------------------------------------------------------------- accounts


def test_a_new_account_gets_a_password_that_is_shown_once_and_must_be_changed(admin: Client) -> None:
    answer = new_account(admin)
    password = answer.context["password"]
    staff = Staff.objects.get(username="qinlan")

    assert password in answer.content.decode() and "no-store" in answer["Cache-Control"]
    assert password not in admin.get(f"/admin/staff/{staff.pk}/").content.decode()
    assert staff.check_password(password) and staff.must_change_password
    assert staff.person_key == person_key(NUMBER)
    assert NUMBER not in str(list(staff.history.values()))
    assert staff.history.get().history_user_id is not None

    newcomer = Client()
    newcomer.post("/login/", {"username": "qinlan", "password": password})
    assert newcomer.get("/").url == "/password/"
    newcomer.post(
        "/password/",
        {"old_password": password, "new_password1": "a-longer-password-2", "new_password2": "a-longer-password-2"},
    )
    assert newcomer.get("/").status_code == 200


def test_a_second_account_of_the_same_person_is_recognised_and_said(admin: Client) -> None:
    new_account(admin)

    refused = new_account(admin, "qinlan2")
    assert "qinlan" in refused.content.decode() and not Staff.objects.filter(username="qinlan2").exists()
    assert "秦岚" in refused.content.decode()

    made = new_account(admin, "qinlan2", second_account="on")
    assert "算同一个人" in made.content.decode()
    keys = set(Staff.objects.filter(username__startswith="qinlan").values_list("person_key", flat=True))
    assert keys == {person_key(NUMBER)}


@pytest.mark.parametrize("number", ["123", NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")])
def test_a_wrong_id_number_makes_no_account(admin: Client, number: str) -> None:
    before = Staff.objects.count()

    answer = new_account(admin, id_number=number)

    assert "id_number" in answer.context["form"].errors
    assert Staff.objects.count() == before


def test_a_taken_username_is_refused(admin: Client) -> None:
    assert "已经有人用了" in new_account(admin, "Township_Clerk").content.decode()


def test_closing_an_account_takes_its_posts_away_at_once(admin: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    victim = login(Client(), world.township_approver)
    assert victim.get("/township/").status_code == 200

    silent = admin.post(f"/admin/staff/{world.township_approver.pk}/switch/", {})
    assert "reason" in silent.context["close"].errors
    admin.post(f"/admin/staff/{world.township_approver.pk}/switch/", {"reason": "调走"})

    assert victim.get(f"/township/review/{case.pk}/").status_code in (302, 403, 404)
    row = world.township_approver.history.filter(history_change_reason__contains="调走").get()
    assert row.is_active is False


def test_a_reset_password_ends_the_sessions(admin: Client, world: World) -> None:
    clerk = login(Client(), world.township_clerk)

    answer = admin.post(f"/admin/staff/{world.township_clerk.pk}/reset/password/")

    assert world.township_clerk.check_password("a-long-password-1")  # as it was read before
    assert Staff.objects.get(pk=world.township_clerk.pk).check_password(answer.context["password"])
    assert clerk.get("/township/").status_code == 302


def test_an_administrator_below_does_not_take_over_an_account_that_works_above(world: World) -> None:
    """A new password is the whole account: whoever may set it must reach every post that it opens."""
    local = make_staff("local_admin", "local admin")
    access.appoint(local, "sysadmin", world.township, by=None, valid_from=datetime.date(2026, 1, 1))
    promoted = world.county_approver
    access.appoint(promoted, "township_approver", world.township, by=world.sysadmin)
    client = login(Client(), local)

    assert client.get(f"/admin/staff/{promoted.pk}/").status_code == 200
    for page in ("reset/password", "reset/factor", "switch"):
        refused = client.post(f"/admin/staff/{promoted.pk}/{page}/", {"reason": "忘了密码"})
        assert refused.status_code == 403 and "别处" in refused.content.decode()
    promoted.refresh_from_db()
    assert promoted.is_active and not promoted.must_change_password
    assert client.post(f"/admin/staff/{world.township_clerk.pk}/reset/password/").status_code == 200


def test_nobody_closes_or_resets_her_own_account(admin: Client, world: World) -> None:
    admin.post(f"/admin/staff/{world.sysadmin.pk}/switch/", {"reason": "试试"})
    admin.post(f"/admin/staff/{world.sysadmin.pk}/reset/password/")

    myself = Staff.objects.get(pk=world.sysadmin.pk)
    assert myself.is_active and myself.check_password("a-long-password-1")
    with pytest.raises(BadStaff):
        access.deactivate_staff(myself, by=myself, reason="试试")


# ---------------------------------------------------------------- posts


def appoint(client: Client, staff: Staff, role: str, unit: OrgUnit) -> Any:
    sent = {"role": role, "unit": unit.code, "reason": "新来"} | day("valid_from", START)
    return client.post(f"/admin/staff/{staff.pk}/appoint/", sent)


def test_a_post_opens_the_desk_and_its_end_closes_it(admin: Client, world: World) -> None:
    staff = make_staff("newcomer", "newcomer")
    newcomer = login(Client(), staff)
    assert newcomer.get("/township/").status_code == 403

    appoint(admin, staff, "township_clerk", world.township)
    post = Appointment.objects.get(staff=staff)
    assert post.appointed_by == world.sysadmin
    assert newcomer.get("/township/").status_code == 302  # signed in again, she holds it
    assert login(Client(), Staff.objects.get(pk=staff.pk)).get("/township/").status_code == 200

    admin.post(f"/admin/posts/{post.pk}/end/", {"reason": "调走"} | day("on", START))
    with clock.frozen_at(START + datetime.timedelta(days=1)):
        assert login(Client(), Staff.objects.get(pk=staff.pk)).get("/township/").status_code == 403


def test_nobody_appoints_herself_not_even_through_a_second_account(admin: Client, world: World) -> None:
    second = make_staff("sysadmin_b", "sysadmin b", world.sysadmin.person_key)

    for account in (world.sysadmin, second):
        answer = appoint(admin, account, "township_approver", world.township)
        assert answer.status_code == 200
        assert not Appointment.objects.filter(staff=account, role="township_approver").exists()
    assert "不能给自己任职" in answer.content.decode() or "这是你自己" in answer.content.decode()


def test_the_same_post_twice_is_refused_in_words(admin: Client, world: World) -> None:
    answer = appoint(admin, world.township_clerk, "township_clerk", world.township)

    assert "已经有这个岗位" in answer.content.decode()
    assert "新来" in answer.content.decode()


def test_a_unit_is_found_by_its_name_and_a_strange_one_is_said(admin: Client, world: World) -> None:
    staff = make_staff("newcomer", "newcomer")
    by_name = {"role": "township_clerk", "unit": world.township.name} | day("valid_from", START)

    strange = admin.post(f"/admin/staff/{staff.pk}/appoint/", by_name | {"unit": "没有这个乡"})
    assert "unit" in strange.context["appoint"].errors and "<title>错误：" in strange.text
    admin.post(f"/admin/staff/{staff.pk}/appoint/", by_name)

    assert Appointment.objects.get(staff=staff).unit == world.township


def test_the_auditor_gets_no_second_post(admin: Client, world: World) -> None:
    answer = appoint(admin, world.auditor, "fund_manager", world.county)

    assert "审计和系统管理" in answer.content.decode()


def test_an_administrator_of_one_township_cannot_reach_another_ones_people(world: World) -> None:
    there = OrgUnit(
        code="990101202",
        name="别的乡",
        level="township",
        parent=world.county,
        province_id=world.township.province_id,
        prefecture_id=world.township.prefecture_id,
        county_id=world.county.pk,
        valid_from=datetime.date(2020, 1, 1),
    )
    there.save()
    there.township = there
    there.save()
    local = make_staff("local_admin", "local admin")
    access.appoint(local, "sysadmin", there, by=None, valid_from=datetime.date(2026, 1, 1))
    client = login(Client(), local)

    assert client.get(f"/admin/staff/{world.township_clerk.pk}/").status_code == 404
    assert client.post(f"/admin/staff/{world.township_clerk.pk}/reset/password/").status_code == 404
    assert "township_clerk" not in client.get("/admin/staff/").content.decode()
    assert client.get("/admin/units/", {"unit": world.township.code}).status_code == 404
    post = Appointment.objects.get(staff=world.township_clerk)
    assert client.get(f"/admin/posts/{post.pk}/end/").status_code == 404
    newcomer = make_staff("newcomer", "newcomer")
    appoint(client, newcomer, "township_clerk", world.township)
    assert not Appointment.objects.filter(staff=newcomer).exists()


def test_a_delegation_names_its_approver_and_never_the_delegate(admin: Client, world: World) -> None:
    post = Appointment.objects.get(staff=world.township_approver)
    sent = {"to": "township_clerk", "approved_by": "township_clerk", "reason": "开会"}
    sent |= day("valid_from", START) | day("valid_to", START + datetime.timedelta(days=3))

    refused = admin.post(f"/admin/posts/{post.pk}/delegate/", sent)
    nobody = admin.post(f"/admin/posts/{post.pk}/delegate/", sent | {"to": "nobody", "approved_by": "no_one"})
    assert "委托给谁：没有这个在用的账号。" in nobody.text and "谁批准的：没有这个在用的账号。" in nobody.text
    assert "不能由受托人自己批准" in refused.content.decode() and "开会" in refused.content.decode()
    admin.post(f"/admin/posts/{post.pk}/delegate/", sent | {"approved_by": "county_approver"})

    assert Delegation.objects.get().delegate == world.township_clerk


def test_a_grant_shows_one_case_to_one_person_until_it_is_taken_back(admin: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    sent = {"staff": "other_clerk", "case_no": case.case_no, "approved_by": "county_approver", "reason": "协助核查"}
    sent |= day("until", START + datetime.timedelta(days=5))

    assert "case_no" in admin.post("/admin/grants/", sent | {"case_no": "2026-999999"}).context["form"].errors
    admin.post("/admin/grants/", sent)
    page = admin.get("/admin/grants/").content.decode()
    assert case.case_no in page and case.head_name not in page

    admin.post(f"/admin/grants/{Grant.objects.get().pk}/revoke/")
    assert Grant.objects.get().revoked_on == START


# ---------------------------------------------------------------- what an administrator does not see


def test_an_administrator_sees_no_case_anywhere(admin: Client, world: World) -> None:
    case = world.brought_to("township_decision")
    pages = [
        f"/cases/{case.pk}/",
        f"/township/review/{case.pk}/",
        f"/county/review/{case.pk}/",
        "/township/",
        "/county/",
        "/funds/",
        "/village/",
    ]

    for page in pages:
        answer = admin.get(page)
        assert answer.status_code in (302, 403, 404), page
    for page in ("", "staff/", "grants/", "units/", "programmes/", "calendar/", "health/", "clock/"):
        answer = admin.get(f"/admin/{page}")
        assert answer.status_code == 200
        assert case.case_no not in answer.content.decode() and case.head_name not in answer.content.decode()


def test_nobody_else_comes_in(client: Client, world: World) -> None:
    login(client, world.county_approver)
    for page in ("", "staff/", "staff/new/", "grants/", "units/", "programmes/", "calendar/", "health/", "clock/"):
        assert client.get(f"/admin/{page}").status_code == 403, page


# ---------------------------------------------------------------- units, rules, calendar, clock


def test_a_file_of_units_is_taken_over_whole_or_not_at_all(admin: Client, world: World) -> None:
    head = "code,parent,name,level,valid_from,valid_to\n"
    good = "990101201203,990101201,新村,village,2026-01-01,\n"
    bad = "990101201204,990101201,坏村,village,2026/01/01,\n"

    def upload(text: str) -> Any:
        return admin.post("/admin/units/", {"file": SimpleUploadedFile("units.csv", text.encode())})

    answer = upload(head + good + bad)
    assert "第 3 行" in answer.content.decode() and "2026/01/01" in answer.content.decode()
    assert not OrgUnit.objects.filter(code="990101201203").exists()

    upload(head + good)
    assert OrgUnit.objects.get(code="990101201203").township == world.township


def rules_sent(page: Any, **changes: Any) -> dict[str, Any]:
    """What a browser would send of the draft form as it stands, with some fields changed."""
    form, sent = page.context["form"], {}
    for bound in form:
        value = bound.value()
        widget = bound.field.widget
        if hasattr(widget, "decompress") and hasattr(widget, "widgets_names"):
            for suffix, part in zip(widget.widgets_names, widget.decompress(value), strict=True):
                sent[f"{bound.name}{suffix}"] = part
        elif bound.name == "valid_from":
            sent |= day("valid_from", START + datetime.timedelta(days=10))
        elif value is not None:
            sent[bound.name] = bound.field.prepare_value(value) if bound.name.endswith("_fen") else value
    return sent | {"basis": "县办 2026 年第 9 号"} | changes


def test_a_version_is_drafted_by_one_and_published_by_another(admin: Client, world: World) -> None:
    page = admin.get("/admin/programmes/disaster_relief/draft/")
    answer = admin.post(
        "/admin/programmes/disaster_relief/draft/", rules_sent(page, t1_limit_fen="4000", notice_days="5")
    )
    version = ProgrammeVersion.objects.get(programme="disaster_relief", published_on__isnull=True)
    assert answer.url == f"/admin/programmes/versions/{version.pk}/"
    before = ProgrammeVersion.objects.get(programme="disaster_relief", number=1)
    assert version.parameters == before.parameters | {
        "t1_limit_fen": 400_000,
        "notice": {"days": 5, "unit": "calendar"},
    }

    shown = admin.get(answer.url)
    assert {row["label"]: (row["before"], row["after"]) for row in shown.context["changes"]} == {
        "小额线": ("3,000 元", "4,000 元"),
        "公示多久": ("7 天", "5 天"),
    }
    refused = admin.post(answer.url)
    assert "起草人不能发布" in refused.content.decode()
    assert ProgrammeVersion.objects.get(pk=version.pk).published_on is None

    other = login(Client(), world.sysadmin_2)
    other.post(answer.url)
    published = ProgrammeVersion.objects.get(pk=version.pk)
    assert (published.published_on, published.publisher) == (START, world.sysadmin_2)
    assert published.history.count() == 2


def test_the_rules_of_a_kind_of_list_are_drafted_and_published_like_a_programmes(admin: Client, world: World) -> None:
    url = "/admin/programmes/visit_condolence/draft/"
    page = admin.get(url)
    shown = page.content.decode()
    assert "张榜多久" in shown and "可以发现金" in shown and "评议" not in shown and "要交的材料" not in shown
    answer = admin.post(url, rules_sent(page, cap_fen="1500", notice_days="5", person_year_cap_fen="3000"))

    version = ProgrammeVersion.objects.get(programme="visit_condolence", published_on__isnull=True)
    assert (version.rules.cap_fen, version.rules.notice.days, version.rules.allows_cash) == (150_000, 5, True)
    shown = admin.get(answer.url)
    assert {row["label"]: (row["before"], row["after"]) for row in shown.context["changes"]} == {
        "每人上限": ("2,000 元", "1,500 元"),
        "每人每年上限": ("0 元", "3,000 元"),
        "张榜多久": ("3 天", "5 天"),
    }
    other = login(Client(), world.sysadmin_2)
    other.post(answer.url)
    assert ProgrammeVersion.objects.get(pk=version.pk).published_on == START
    assert "走访慰问" in admin.get("/admin/programmes/").content.decode()
    refused = admin.post("/admin/programmes/insurance_support/draft/", rules_sent(admin.get(url), allows_cash="on"))
    assert "不发现金" in refused.content.decode()


def test_rules_that_contradict_themselves_are_refused_and_kept(admin: Client) -> None:
    page = admin.get("/admin/programmes/disaster_relief/draft/")

    answer = admin.post("/admin/programmes/disaster_relief/draft/", rules_sent(page, t1_limit_fen="90000"))

    assert "一道比一道高" in answer.content.decode() and "90000" in answer.content.decode()
    assert not ProgrammeVersion.objects.filter(published_on__isnull=True).exists()


def test_two_rules_for_one_day_are_refused_in_words(admin: Client, world: World) -> None:
    for _ in range(2):
        page = admin.get("/admin/programmes/elderly_support/draft/")
        admin.post("/admin/programmes/elderly_support/draft/", rules_sent(page, minimum_age="65"))
    first, second = ProgrammeVersion.objects.filter(programme="elderly_support", published_on__isnull=True)
    other = login(Client(), world.sysadmin_2)

    other.post(f"/admin/programmes/versions/{first.pk}/")
    answer = other.post(f"/admin/programmes/versions/{second.pk}/")

    assert "已经有一版规则" in answer.content.decode()


def test_a_year_of_working_days_is_loaded_and_a_bad_file_changes_nothing(admin: Client) -> None:
    def upload(text: str) -> Any:
        return admin.post("/admin/calendar/", {"file": SimpleUploadedFile("days.csv", text.encode())})

    before = WorkingDay.objects.count()
    answer = upload("date,is_working_day,name\n2030-01-01,0,元旦\n2030-01-02,也许,\n")
    assert "第 3 行" in answer.content.decode() and WorkingDay.objects.count() == before

    upload("date,is_working_day,name\n2030-01-01,0,元旦\n2030-01-02,1,\n")
    assert not calendar.is_working_day(datetime.date(2030, 1, 1))
    assert "缺几天" in admin.get("/admin/calendar/").content.decode()
    assert upload((DEMO / "org-units.csv").read_text()).context["form"].errors


def test_the_missing_year_is_said_on_the_first_page(admin: Client) -> None:
    with clock.frozen_at(datetime.date(2031, 3, 3)):
        assert "2031" in admin.get("/admin/calendar/").content.decode()


def test_the_demo_clock_moves_for_everybody(admin: Client, monkeypatch: Any) -> None:
    moved: list[Any] = []
    monkeypatch.setattr(clock, "move_to", moved.append)

    admin.post("/admin/clock/", {"jump": "7"})
    admin.post("/admin/clock/", {"jump": "real"})
    admin.post("/admin/clock/", day("date", datetime.date(2026, 5, 1)))

    assert moved == [START + datetime.timedelta(days=7), None, datetime.date(2026, 5, 1)]


def test_what_the_new_day_brings_about_is_there_at_once(admin: Client, world: World) -> None:
    case = world.brought_to("village_notice")

    with clock.frozen_at(case.notices.get().ends_on + datetime.timedelta(days=1)):
        admin.post("/admin/clock/", {"jump": "1"})

    assert case_now(case).state == "township_review"


def test_a_production_clock_cannot_be_moved(admin: Client, settings: Any) -> None:
    settings.DEMO = settings.TESTING = False

    assert admin.get("/admin/clock/").status_code == 404


@pytest.mark.parametrize("page", ["staff/", "grants/", "programmes/", "units/", ""])
def test_lists_cost_the_same_for_few_and_for_many(
    admin: Client, world: World, django_assert_max_num_queries: Any, page: str
) -> None:
    case = world.open()

    def one_more(n: int) -> None:
        staff = make_staff(f"many{n}", f"many {n}")
        access.appoint(staff, "township_clerk", world.township, by=None)
        access.grant(
            staff, "view_case", case, until=START, reason="核查", approved_by=world.county_approver, by=world.sysadmin
        )

    one_more(0)
    admin.get(f"/admin/{page}")
    with django_assert_max_num_queries(30) as few:
        admin.get(f"/admin/{page}")
    for n in range(1, 13):
        one_more(n)

    with django_assert_max_num_queries(len(few)):
        admin.get(f"/admin/{page}")


def test_every_form_of_the_desk_is_protected_against_forgery(world: World) -> None:
    strict = login(Client(enforce_csrf_checks=True), world.sysadmin)
    paths = [
        "staff/new/",
        f"staff/{world.township_clerk.pk}/appoint/",
        f"staff/{world.township_clerk.pk}/switch/",
        f"staff/{world.township_clerk.pk}/reset/password/",
        "grants/",
        "units/",
        "calendar/",
        "clock/",
        "programmes/disaster_relief/draft/",
    ]

    for path in paths:
        assert strict.post(f"/admin/{path}").status_code == 403, path


def test_every_page_of_the_desk_is_behind_the_login() -> None:
    names = [key for key in get_resolver().namespace_dict["administration"][1].reverse_dict if isinstance(key, str)]
    assert len(names) >= 18
    assert Client().get("/admin/staff/").status_code == 302


def test_services_refuse_what_the_database_would(world: World) -> None:
    post = Appointment.objects.get(staff=world.township_clerk)
    with pytest.raises(BadAppointment):
        access.end_appointment(post, on=datetime.date(2020, 1, 1), by=world.sysadmin, reason="早")
    with pytest.raises(BadAppointment):
        access.appoint(
            world.village_head,
            "village_clerk",
            world.village,
            by=world.sysadmin,
            valid_from=START,
            valid_to=START - datetime.timedelta(days=1),
        )
    with pytest.raises(BadAppointment):
        access.grant(
            world.other_clerk,
            "view_case",
            Case(pk=1),
            until=START - datetime.timedelta(days=1),
            reason="x",
            approved_by=world.county_approver,
            by=world.sysadmin,
        )


# ---------------------------------------------------------------- help in parts


def test_rules_of_help_in_parts_are_written_at_the_form_and_said_in_words(admin: Client) -> None:
    url = "/admin/programmes/education_grant/draft/"
    plan = {
        "payments_parts": "2",
        "payments_percents": "60%，40%",
        "payments_labels": "第一学期，第二学期",
        "payments_every_months": "6",
        "payments_needs_check": "on",
        "pays_to": ["family", "school"],
        "person_year_cap_fen": "5000",
        "once_a_year": "on",
        "not_together_with": ["elderly_support"],
    }
    answer = admin.post(url, rules_sent(admin.get(url), **plan))
    version = ProgrammeVersion.objects.get(programme="education_grant", published_on__isnull=True)

    assert version.rules.payments.percents == [60, 40] and version.rules.payments.labels == ["第一学期", "第二学期"]
    assert version.rules.payments.needs_check and not version.rules.payments.first_needs_check
    assert (version.rules.pays_to, version.rules.person_year_cap_fen) == (["family", "school"], 500_000)
    changes = {row["label"]: (row["before"], row["after"]) for row in admin.get(answer.url).context["changes"]}
    assert changes["分几期付"] == ("一次付清", "2 期")
    assert changes["可以付给谁"] == ("家庭账户", "家庭账户、学校")
    assert changes["不能同时享受"] == ("没有", "养老扶助")
    assert changes["一年一次"] == ("不是", "是")


def test_a_new_version_keeps_the_parts_of_the_last_one(admin: Client) -> None:
    url = "/admin/programmes/housing_aid/draft/"
    before = ProgrammeVersion.objects.get(programme="housing_aid").rules.payments
    admin.post(url, rules_sent(admin.get(url), t1_limit_fen="4000"))

    assert ProgrammeVersion.objects.get(programme="housing_aid", published_on__isnull=True).rules.payments == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"payments_parts": "3", "payments_percents": "50, 40"}, "加起来是 100"),
        ({"payments_parts": "2", "payments_labels": "一，二，三"}, "与期数一样多"),
        ({"payments_parts": "37"}, "36"),
        ({"payments_percents": "一半"}, "只写数字"),
        ({"pays_to": []}, "付给谁"),
    ],
)
def test_parts_that_do_not_add_up_are_refused_beside_their_field(
    admin: Client, wrong: dict[str, Any], words: str
) -> None:
    url = "/admin/programmes/disaster_relief/draft/"
    answer = admin.post(url, rules_sent(admin.get(url), **wrong))

    assert answer.status_code == 200 and words in answer.content.decode()
    assert not ProgrammeVersion.objects.filter(published_on__isnull=True).exists()


def test_moving_the_date_leaves_to_the_worker_what_a_page_may_not_write(admin: Client) -> None:
    try:
        assert admin.post("/admin/clock/", {"jump": "1"}).status_code == 302
    finally:
        clock.move_to(None)

    ran = set(TimerRun.objects.values_list("name", flat=True))
    assert "notices" in ran
    assert not ran & {"archive", "checkpoint", "checkpoint_all", "anchor"}
    assert not TimerRun.objects.exclude(error="").exists()


def test_every_timer_and_every_end_of_sessions_has_words(admin: Client, world: World) -> None:
    end_sessions(world.township_clerk, why="appointed", by=world.sysadmin)

    assert set(timers.names()) <= set(TIMERS)
    assert "退出所有登录：任命" in admin.get(f"/admin/staff/{world.township_clerk.pk}/").content.decode()
