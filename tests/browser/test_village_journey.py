"""A village clerk's morning on a phone: find a family, open a case, survey it with a colleague, hand in papers, register."""

import io
from typing import Any

import pytest
from django.db import transaction
from PIL import Image

from casework.models import Case
from families.folding import search_text
from families.models import Survey
from tests.browser.helpers import assert_accessible, login_as, shot
from tests.world import World, case_now

pytestmark = pytest.mark.browser


def a_photo(colour: str) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return {"name": f"{colour}.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def go_on(page: Any) -> None:
    page.click("main .btn-go")


def test_from_the_door_to_a_registered_case(page: Any, live_server: Any, world: World) -> None:
    household = world.household()
    household.head_name = household.head.name = "曾红明"
    household.search = search_text("曾红明")
    with transaction.atomic():
        household.head.save()
        household.save()

    login_as(page, live_server, "village_clerk")
    assert "今天要做的事" in page.inner_text("h1")
    assert_accessible(page)
    shot(page, "village-home")

    page.click("a.hero")
    page.fill("#q", "zhm")
    go_on(page)
    assert_accessible(page)
    shot(page, "village-find")
    page.click("text=曾红明")
    assert_accessible(page)
    shot(page, "village-family")

    page.click("text=给这一家开案")
    page.check("input[value=disaster_relief]", force=True)
    page.fill("textarea[name=words]", "去年八月大雨，东边屋顶漏了，修不起。")
    assert_accessible(page)
    shot(page, "village-open")
    go_on(page)
    case = Case.objects.get(household=household)
    assert_accessible(page)
    shot(page, "village-case-lead")

    page.click(".turn-do .btn")  # 分办, done with this press
    page.click('.turn-do .btn:has-text("开始入户调查")')
    page.click('.turn-do .btn:has-text("填调查表")')
    _survey(page, world)

    assert Survey.objects.get(household=household).needs_words == "屋顶漏雨，想修一修。"
    page.click(".turn-do .btn")  # 去拍照
    assert_accessible(page)
    page.set_input_files("input[name=application]", a_photo("white"))
    page.set_input_files("input[name=damage_photo]", a_photo("red"))
    assert_accessible(page)
    shot(page, "village-papers")
    go_on(page)  # everything is there now, so it leads back to the case

    page.click(".turn-do .btn")  # 登记
    page.fill("input[name=amount_fen]", "2,000")
    page.fill("textarea[name=summary]", "大雨冲坏屋顶，老两口修不起。")
    assert_accessible(page)
    shot(page, "village-register")
    go_on(page)

    page.wait_for_load_state("load")
    case = case_now(case)
    assert case.state == "registered" and case.amount_fen == 200_000
    assert "下一步" in page.inner_text(".messages")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "village-case-registered")


def _survey(page: Any, world: World) -> None:
    page.fill("input[name=household_size]", "2")
    assert_accessible(page)
    shot(page, "village-survey-members")
    go_on(page)

    page.check("input[name=causes][value=disaster]", force=True)
    page.check("input[name=main_cause][value=housing]", force=True)
    go_on(page)
    assert page.is_visible(".errors")  # the main cause is one of those ticked
    assert_accessible(page)
    shot(page, "village-survey-error")
    page.check("input[name=main_cause][value=disaster]", force=True)
    go_on(page)

    page.fill("input[name=farming_fen]", "1.2万")
    go_on(page)
    page.fill("input[name=medical_fen]", "14900")
    go_on(page)
    go_on(page)
    page.check("input[name=mood][value=low]", force=True)
    go_on(page)
    page.fill("textarea[name=needs_words]", "屋顶漏雨，想修一修。")
    go_on(page)

    page.select_option("select[name=second]", str(world.resident_cadre.pk))
    page.check("input[name=consent_given]", force=True)
    page.check("input[name=consent_how][value=signature]", force=True)
    page.check("input[name=is_cadre_relative][value=no]", force=True)
    page.set_input_files("input[name=house_photo]", a_photo("green"))
    assert_accessible(page)
    shot(page, "village-survey-visit")
    go_on(page)
    assert_accessible(page)
    shot(page, "village-survey-check")
    go_on(page)


def test_anybody_reads_the_board_and_objects(page: Any, live_server: Any, world: World) -> None:
    world.brought_to("village_notice")

    page.goto(f"{live_server.url}/notices/")
    page.click(f"text={world.village.name}")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "public-board")
    page.click("th a")
    assert_accessible(page, widths=(320, 390, 1280))
    shot(page, "public-notice")
    page.emulate_media(media="print")
    pages = page.pdf(format="A4").count(b"/Type /Page\n") if hasattr(page, "pdf") else 1
    page.emulate_media(media="screen")
    assert pages == 1

    page.click("text=我有不同意见")
    page.fill("textarea[name=words]", "他家去年盖了两层新楼。")
    assert_accessible(page)
    go_on(page)

    assert "收到了" in page.inner_text("h1")
    assert_accessible(page)
    shot(page, "public-received")
