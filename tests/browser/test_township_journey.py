"""A morning at the township and at the county, by keyboard and by hand, with and without scripts."""

from typing import Any

import pytest

from casework.models import CaseEvent
from families import services as families
from tests.browser.helpers import assert_accessible, log_out, login_as, shot
from tests.world import World, case_now

pytestmark = pytest.mark.browser


def shared_account(world: World, case: Any) -> None:
    """Another household is registered with the same account."""
    other = world.household()
    number = families.reveal_account(case.payee_account, by=world.township_clerk, reason="核对账户")
    families.record_account(other, other.head, number, kind="card", bank="禾丰农商银行", by=world.township_clerk)


def test_the_approver_decides_and_goes_on_to_the_next(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    first = world.brought_to("township_decision", amount_fen=290_000)
    second = world.brought_to("township_decision")
    third = world.brought_to("township_decision")
    shared_account(world, first)

    login_as(page, live_server, "township_approver")
    assert page.url.endswith("/township/")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "township-queue-1280")

    page.click(f"text={first.case_no}")
    assert "收款账户有 2 家在用" in page.inner_text(".decide")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "township-review-1280")

    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".decide .errors")
    assert "有 1 处要改" in page.inner_text(".decide") and case_now(first).state == "township_decision"
    page.fill("textarea[name=note]", "已核对，女婿代领，有委托书")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/township/review/{second.pk}/")
    assert case_now(first).state == "fund_reserved"

    page.keyboard.press("j")
    page.wait_for_url(f"**/township/review/{third.pk}/")
    page.keyboard.press("r")
    page.select_option("select[name=reason_code]", "papers_unclear")
    page.fill("textarea[name=note]", "申请书看不清")
    page.click(".decide .btn-go")
    page.wait_for_url(f"**/township/review/{second.pk}/")
    assert case_now(third).state == "returned"
    assert CaseEvent.objects.get(case=third, action="return").reason_code == "papers_unclear"


def test_on_a_phone_without_scripts_a_case_is_refused_with_its_reason(
    chromium: Any, live_server: Any, world: World, business_day_everywhere: None
) -> None:
    case = world.brought_to("township_decision")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    login_as(page, live_server, "township_approver")
    page.click(f"text={case.case_no}")
    shot(page, "township-review-390")

    page.click("label:has-text('不予批准')")
    page.select_option("select[name=reason_code]", "not_true")
    page.click("text=决定，看下一件")
    assert "请写明原因" in page.inner_text("main + .decide, .decide")
    page.fill("textarea[name=note]", "房子没有受灾")
    page.click("text=决定，看下一件")

    assert "都办完了" in page.inner_text("main")
    assert case_now(case).state == "refused"
    context.close()


def test_the_other_pages_of_the_township_are_without_barriers(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    draft = world.open("disaster_relief")
    world.do(draft, "triage", "village_clerk")
    world.do(draft, "start_survey", "village_clerk")
    objected = world.brought_to("village_notice")
    world.do(objected, "object", None, reason="他家去年才盖了新房")
    world.brought_to("township_decision")
    login_as(page, live_server, "township_approver")

    for name in ("objections", "overdue", "releases", "recusals", "find", "batch"):
        query = "?programme=disaster_relief" if name == "batch" else ""
        page.goto(f"{live_server.url}/township/{name}/{query}")
        assert page.is_visible("h1")
        assert_accessible(page, widths=(390, 1280))
        shot(page, f"township-{name}")
    page.goto(f"{live_server.url}/township/releases/{draft.pk}/")
    assert_accessible(page, widths=(390, 1280))
    page.fill("input[name=amount_fen]", "800")
    page.fill("textarea[name=reason]", "房子塌了，没有地方住")
    page.click("text=批准先行救助")
    assert case_now(draft).state == "emergency_released"


def test_the_county_confirms_countersigns_and_files(desk_page: Any, live_server: Any, world: World) -> None:
    page = desk_page
    large = world.brought_to("county_decision", amount_fen=2_500_000)
    world.brought_to("fund_reserved", amount_fen=150_000)
    login_as(page, live_server, "county_approver")
    assert page.url.endswith("/county/")
    page.click(f"text={large.case_no}")
    page.click("label:has-text('确认')")
    if page.query_selector("textarea[required]") or "要核实" in page.inner_text(".decide"):
        page.fill("textarea[name=note]", "已核实")
    page.click(".decide .btn-go")
    assert case_now(large).state == "county_countersign"

    page.goto(f"{live_server.url}/county/review/{large.pk}/")
    assert "这一件不能由你办" in page.inner_text(".decide")
    assert_accessible(page, widths=(390, 1280))
    shot(page, "county-barred")
    for name in ("filed", "appeals", "releases", "overdue"):
        page.goto(f"{live_server.url}/county/{name}/")
        assert_accessible(page, widths=(390, 1280))
        shot(page, f"county-{name}")
    log_out(page)

    login_as(page, live_server, "county_approver_2")
    page.click(f"text={large.case_no}")
    page.click("label:has-text('会签同意')")
    page.fill("textarea[name=note]", "已核实")
    page.click(".decide .btn-go")
    assert case_now(large).state == "fund_reserved"
