"""The second factor, the second administrator and emergency access, in a browser."""

from typing import Any

import pytest
from django.conf import settings as django_settings

from access import factor
from access.models import Appointment, BreakGlass
from tests.access.test_factor import code_of
from tests.browser.helpers import assert_accessible, log_out, login_as, shot
from tests.world import World, case_now, make_staff

pytestmark = pytest.mark.browser
PASSWORD = "a-long-password-1"


@pytest.fixture
def factor_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_settings, "SECOND_FACTOR", True)


def test_an_approver_sets_up_her_code_on_the_way_and_signs_with_it(
    page: Any, live_server: Any, world: World, factor_on: None
) -> None:
    case = world.brought_to("township_decision")
    login_as(page, live_server, "township_approver")
    page.goto(f"{live_server.url}/township/review/{case.pk}/")
    assert "先绑定动态码" in page.inner_text("#decide")
    shot(page, "access-enrol-first")
    page.click("text=去绑定")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-enrol")

    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=code]", code_of(world.township_approver, -1))
    page.click("main .btn-go")
    assert len(page.locator("ol.code li").all()) == 10
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-recovery-codes")
    page.click("main .btn-go")

    assert page.url.endswith(f"/township/review/{case.pk}/")
    page.check("input[name=decision][value=approve]", force=True)
    page.fill("textarea[name=note]", "同意，核过了")
    page.click("#decide button.btn-go")
    assert "请填动态码" in page.inner_text("#decide")
    assert_accessible(page, widths=(390, 1280))
    shot(page, "access-code-missing")
    page.fill("input[name=code]", code_of(world.township_approver))
    page.click("#decide button.btn-go")
    assert case_now(case).state != "township_decision"


def test_a_second_administrator_confirms_a_cashier(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    new = make_staff("new", "秦岚")
    login_as(page, live_server, "sysadmin")
    page.goto(f"{live_server.url}/admin/staff/{new.pk}/")
    page.select_option("select[name=role]", "cashier")
    page.fill("input[name=unit]", world.county.name)
    page.click("button:has-text('任职')")
    assert "等另一位管理员确认" in page.inner_text("main")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-post-waits")
    page.goto(f"{live_server.url}/admin/staff/{world.cashier.pk}/")
    page.click("summary:has-text('重置密码')")
    page.fill("#reset_reason", "忘了密码")
    page.click("details[open] button:has-text('重置密码')")
    assert "提出了" in page.inner_text("main")
    shot(page, "access-reset-asked")
    log_out(page)

    login_as(page, live_server, "sysadmin_2")
    page.goto(f"{live_server.url}/admin/waiting/")
    assert page.inner_text("nav .count") == "2"
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-waiting")
    page.click("section:has-text('秦岚') .btn-go")
    assert Appointment.objects.get(staff=new).confirmed_by == world.sysadmin_2
    page.click("section:has-text('重置密码') .btn-go")
    assert page.inner_text("dd.fs-xl")


def test_an_emergency_is_looked_into_told_and_reviewed(page: Any, live_server: Any, world: World) -> None:
    case = world.brought_to("township_review")
    login_as(page, live_server, "other_clerk")
    page.goto(f"{live_server.url}/emergency/begin/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-emergency-begin")
    page.fill("input[name=unit]", world.village.name)
    page.fill("textarea[name=reason]", "山洪冲了路，要找到这几家的老人转移")
    page.fill("input[name=password]", PASSWORD)
    page.click("main .btn-stop")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-emergency-look")
    page.click(f"text={case.head_name}")
    assert "正在紧急查看" in page.inner_text("main")
    shot(page, "access-emergency-case")
    page.click("text=结束紧急查看")
    log_out(page)

    login_as(page, live_server, "township_approver")
    assert "有人紧急查看过" in page.inner_text("main")
    shot(page, "access-emergency-told")
    page.click("text=1 次等复核")
    assert_accessible(page, widths=(320, 390, 1280))
    page.click("text=other clerk")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-emergency-review")
    page.check("input[name=verdict][value=proper]", force=True)
    page.fill("textarea[name=words]", "打电话核实过")
    page.click("main .btn-go")
    assert BreakGlass.objects.get().verdict == "proper"


def test_where_i_am_signed_in(page: Any, live_server: Any, world: World) -> None:
    login_as(page, live_server, "village_clerk")
    page.goto(f"{live_server.url}/account/places/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-places")
    factor.begin(world.village_clerk)
    page.goto(f"{live_server.url}/preferences/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "access-preferences")
