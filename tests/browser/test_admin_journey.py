"""From a new colleague to new rules, in a browser."""

import datetime
from typing import Any

import pytest

from access.models import Appointment, Staff
from flows.models import ProgrammeVersion
from tests.browser.helpers import assert_accessible, log_out, login_as, shot
from tests.world import START, World, id_number

pytestmark = pytest.mark.browser


def test_a_new_colleague_gets_an_account_a_post_and_her_own_password(
    desk_page: Any, live_server: Any, world: World
) -> None:
    page = desk_page
    login_as(page, live_server, "sysadmin")
    assert page.url.endswith("/admin/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "admin-home")

    page.click("text=新开账号")
    page.fill("input[name=name]", "秦岚")
    page.fill("input[name=id_number]", "999999198501010043")
    page.fill("input[name=username]", "qinlan")
    page.click("main .btn-go")
    assert "校验" in page.inner_text(".errors") or "核对" in page.inner_text(".errors")
    assert page.input_value("input[name=username]") == "qinlan"
    page.fill("input[name=id_number]", id_number(datetime.date(1985, 1, 1), 7, female=True))
    page.click("main .btn-go")
    password = page.inner_text("dd.fs-xl")
    assert_accessible(page, widths=(390, 1280))
    shot(page, "admin-password")

    page.click("text=给岗位")
    page.select_option("select[name=role]", "township_clerk")
    page.fill("input[name=unit]", world.township.name)
    page.click("text=任职")
    assert Appointment.objects.get(staff__username="qinlan").unit == world.township
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "admin-staff")
    log_out(page)

    login_as(page, live_server, "qinlan", password)
    assert page.url.endswith("/password/")
    page.goto(f"{live_server.url}/township/")
    assert page.url.endswith("/password/")
    page.fill("input[name=old_password]", password)
    page.fill("input[name=new_password1]", "a-longer-password-2")
    page.fill("input[name=new_password2]", "a-longer-password-2")
    page.click("main .btn-go")
    page.goto(f"{live_server.url}/township/")
    assert page.url.endswith("/township/")
    assert not Staff.objects.get(username="qinlan").must_change_password


def test_new_rules_are_drafted_by_one_and_published_by_another(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    login_as(page, live_server, "sysadmin")
    page.goto(f"{live_server.url}/admin/programmes/disaster_relief/draft/")
    assert_accessible(page, widths=(390, 1280))
    shot(page, "admin-draft")
    later = START + datetime.timedelta(days=10)
    for part in ("year", "month", "day"):
        page.fill(f"input[name=valid_from_{part}]", str(getattr(later, part)))
    page.fill("input[name=basis]", "县办 2026 年第 9 号")
    page.fill("input[name=t1_limit_fen]", "4000")
    page.click("text=写好了，等另一个人发布")
    assert "改了 1 处" in page.inner_text("main") and "按规定要由另一位管理员发布" in page.inner_text("main")
    assert_accessible(page, widths=(390, 1280))
    shot(page, "admin-version")
    address = page.url
    log_out(page)

    login_as(page, live_server, "sysadmin_2")
    page.goto(address)
    page.click("text=发布这一版")

    assert "已发布" in page.inner_text("main")
    assert ProgrammeVersion.objects.get(programme="disaster_relief", number=2).publisher == world.sysadmin_2


def test_the_other_pages_of_the_desk_are_without_barriers(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    login_as(page, live_server, "sysadmin")
    post = Appointment.objects.get(staff=world.township_approver)

    for path in (
        "staff/",
        "units/",
        f"units/?unit={world.township.code}",
        "programmes/",
        "grants/",
        "calendar/",
        "health/",
        "clock/",
        f"posts/{post.pk}/end/",
        f"posts/{post.pk}/delegate/",
    ):
        page.goto(f"{live_server.url}/admin/{path}")
        assert page.is_visible("h1")
        assert_accessible(page, widths=(390, 1280))
        shot(page, f"admin-{path.split('?')[0].strip('/').replace('/', '-')}")
