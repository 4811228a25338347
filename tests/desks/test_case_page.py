"""The case page and its acts, as each role meets them."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from access import services as access
from audit import clock
from audit.models import AccessLog
from casework.desks.funds.menu import count_waiting
from casework.models import CaseEvent, Measure
from casework.queries import visible_case
from families import services as families
from funds.models import Payment
from tests.world import START, World, case_now, make_staff

PASSWORD = "a-long-password-1"


def at_desk(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def photo(name: str = "a.jpg", *, colour: str = "red", exif: bool = False) -> SimpleUploadedFile:
    out = io.BytesIO()
    image = Image.new("RGB", (40, 30), colour)
    if exif:
        tags = image.getexif()
        tags[0x0132] = "2026:04:14 09:30:00"
        tags[0x010F] = "SecretCameraMaker"
        image.save(out, "JPEG", exif=tags)
    else:
        image.save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), content_type="text/plain")


def key_of(response: Any) -> str:
    return response.context["form"]["key"].value()


@pytest.mark.parametrize(
    "role",
    ["village_clerk", "village_head", "township_clerk", "county_approver", "fund_manager", "cashier", "auditor"],
)
def test_every_role_that_sees_cases_sees_this_one(world: World, role: str) -> None:
    case = world.brought_to("fund_reserved")

    response = at_desk(world.staff[role]).get(f"/cases/{case.pk}/")

    assert response.status_code == 200
    assert case.case_no in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/cases/{case}/",
        "/cases/{case}/act/submit/",
        "/cases/{case}/papers/",
        "/cases/{case}/plan/",
        "/cases/{case}/deliberation/",
        "/cases/{case}/survey/",
        "/families/{household}/",
        "/village/families/{household}/open/",
        "/village/families/{household}/account/",
        "/village/families/{household}/survey/members/",
        "/documents/{document}/",
    ],
)
def test_another_villages_case_is_the_same_404_as_none(world: World, path: str) -> None:
    case = world.brought_to("registered")
    ids = {"case": case.pk, "household": case.household_id, "document": case.papers.first().document_id}
    client = at_desk(world.other_clerk)

    real = client.get(path.format(**ids))
    absent = client.get(path.format(case=99999999, household=99999999, document=99999999))

    assert (real.status_code, absent.status_code) == (404, 404)
    assert real.text == absent.text


def test_it_says_whose_turn_it_is_and_offers_one_next_step(world: World) -> None:
    case = world.brought_to("registered")

    hers = at_desk(world.village_clerk).get(f"/cases/{case.pk}/")
    not_hers = at_desk(world.township_clerk).get(f"/cases/{case.pk}/")

    assert hers.text.count("turn-do") == 1 and f"/cases/{case.pk}/act/submit/" in hers.text
    assert "turn-do" not in not_hers.text
    assert world.village_clerk.name in not_hers.text


def test_the_offices_decide_where_the_evidence_lies(world: World) -> None:
    case = world.brought_to("township_review")

    page = at_desk(world.township_clerk).get(f"/cases/{case.pk}/")

    assert f"/township/review/{case.pk}/" in page.text and page.text.count("turn-do") == 1


def test_before_registering_it_names_what_is_missing(world: World) -> None:
    case = world.brought_to("draft")
    client = at_desk(world.village_clerk)

    before = client.get(f"/cases/{case.pk}/")
    world.survey(case.household)
    after = client.get(f"/cases/{case.pk}/")

    assert "填调查表" in before.text
    assert "还缺：申请书、受灾照片" in after.text


def test_an_act_moves_the_case_and_says_what_comes_next(world: World) -> None:
    case = world.brought_to("registered")
    client = at_desk(world.village_clerk)
    form = client.get(f"/cases/{case.pk}/act/submit/")

    response = client.post(f"/cases/{case.pk}/act/submit/", {"key": key_of(form)}, follow=True)

    assert case_now(case).state == "village_review"
    assert "下一步" in response.text


def test_pressing_twice_acts_once(world: World) -> None:
    case = world.brought_to("registered")
    client = at_desk(world.village_clerk)
    data = {"key": key_of(client.get(f"/cases/{case.pk}/act/submit/"))}

    first = client.post(f"/cases/{case.pk}/act/submit/", data)
    second = client.post(f"/cases/{case.pk}/act/submit/", data)

    assert (first.status_code, second.status_code) == (302, 302)
    assert CaseEvent.objects.filter(case=case, action="submit").count() == 1


def test_an_act_that_asks_for_nothing_is_one_press_on_the_case_page(world: World) -> None:
    case = world.brought_to("registered")
    client = at_desk(world.village_clerk)
    page = client.get(f"/cases/{case.pk}/")
    step = page.context["turn"]["do"]
    assert f'<form method="post" action="{step["url"]}">' in page.text and "材料不能随便改" in page.text

    told = client.post(step["url"], {"key": step["key"]}, follow=True)
    client.post(step["url"], {"key": step["key"]})

    assert "上报村民评议。下一步：开会评议，记下票数。" in told.text
    assert case_now(case).state == "village_review"
    assert CaseEvent.objects.filter(case=case, action="submit").count() == 1


def test_an_act_that_asks_for_something_still_has_its_page(world: World) -> None:
    case = world.brought_to("village_review")
    world.deliberate(case)

    step = at_desk(world.village_head).get(f"/cases/{case.pk}/").context["turn"]["do"]

    assert step["url"].endswith("/act/endorse/") and not step["key"]


@pytest.mark.parametrize(
    "code, leads_to",
    [
        ("papers_unclear", "/papers/"),
        ("", "/papers/"),
        ("survey_old", "/survey/?case="),
        ("account_wrong", "/account/?next="),
        ("amount_wrong", "/act/resubmit/"),
    ],
)
def test_a_case_that_came_back_leads_to_where_it_is_mended(world: World, code: str, leads_to: str) -> None:
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="照片看不清裂口", reason_code=code)

    page = at_desk(world.village_clerk).get(f"/cases/{case.pk}/")

    assert leads_to in page.context["turn"]["do"]["url"]
    assert "照片看不清裂口" in page.text and f"/cases/{case.pk}/papers/" in page.text
    assert not at_desk(world.township_clerk).get(f"/cases/{case.pk}/").context["turn"]["also"]


def test_once_something_was_mended_it_is_handed_in_again(world: World) -> None:
    case = world.brought_to("township_review")
    world.do(case, "return", "township_clerk", reason="照片看不清裂口", reason_code="papers_unclear")
    client = at_desk(world.village_clerk)
    papers = client.get(f"/cases/{case.pk}/papers/")
    assert "照片看不清裂口" in papers.text

    after = client.post(f"/cases/{case.pk}/papers/", {"damage_photo": photo()}, follow=True)

    assert after.context["turn"]["do"]["url"] == f"/cases/{case.pk}/act/resubmit/"
    assert case.papers.filter(kind="damage_photo").count() == 2


def test_a_refusal_keeps_what_was_typed_and_leaves_nothing(world: World) -> None:
    case = world.brought_to("draft")
    world.survey(case.household)
    client = at_desk(world.village_clerk)
    url = f"/cases/{case.pk}/act/register/"
    data = {"key": key_of(client.get(url)), "amount_fen": "1,234", "cause": "illness", "summary": "屋顶塌了一角"}

    response = client.post(url, data)

    assert response.status_code == 422
    assert "还缺：申请书、受灾照片" in response.text
    assert "屋顶塌了一角" in response.text and "1,234" in response.text
    assert case_now(case).state == "draft" and not CaseEvent.objects.filter(case=case, action="register").exists()


def test_an_act_that_is_not_ones_own_is_explained(world: World) -> None:
    case = world.brought_to("township_review")

    response = at_desk(world.village_clerk).get(f"/cases/{case.pk}/act/check/")
    posted = at_desk(world.village_clerk).post(f"/cases/{case.pk}/act/check/", {"key": "x"})

    assert response.status_code == posted.status_code == 403
    assert "乡镇经办" in response.text
    assert case_now(case).state == "township_review"


def test_an_act_of_another_state_and_an_unknown_one(world: World) -> None:
    case = world.brought_to("registered")
    client = at_desk(world.village_clerk)

    assert client.get(f"/cases/{case.pk}/act/visit/").status_code == 409
    assert client.get(f"/cases/{case.pk}/act/marry/").status_code == 404


def test_whoever_is_barred_as_a_person_reads_why(world: World) -> None:
    case = world.brought_to("township_decision")
    second = make_staff("second_account", "x", world.township_clerk.person_key)
    access.appoint(second, "township_approver", world.township, by=None, valid_from=START)

    response = at_desk(second).get(f"/cases/{case.pk}/")

    assert "按规定要由别人办" in response.text
    assert "turn-do" not in response.text


def test_a_visit_is_recorded_with_its_photo(world: World) -> None:
    case = _paid(world)
    client = at_desk(world.village_clerk)
    url = f"/cases/{case.pk}/act/visit/"
    form = client.get(url)

    response = client.post(
        url,
        {
            "key": key_of(form),
            "visited_on_year": 2026,
            "visited_on_month": 4,
            "visited_on_day": 15,
            "satisfaction": 4,
            "knew_could_apply": "no",
            "words": "钱收到了，屋顶补好了",
            "photo": photo(),
        },
    )

    assert response.status_code == 302, response.context["form"].errors
    page = client.get(f"/cases/{case.pk}/")
    assert (
        "do" not in page.context["turn"] and url in page.text
    )  # the next visit is weeks away, and may be recorded still
    visit = case.visits.get(visited_on__isnull=False)
    assert (visit.satisfaction, visit.knew_could_apply, visit.used_as_meant) == (4, False, None)
    assert case.papers.filter(kind="visit_photo").count() == 1


def test_whoever_closes_a_case_reads_what_the_visits_found(world: World) -> None:
    case = _paid(world)
    told = {"visited_on": START.isoformat(), "satisfaction": 4, "words": "钱收到了，屋顶补好了"}
    world.do(case, "visit", "village_clerk", data=told)
    world.do(case, "propose_exit", "village_clerk", reason="目标达到")

    page = at_desk(world.township_approver).get(f"/township/review/{case.pk}/")

    assert "「钱收到了，屋顶补好了」" in page.text and "满意 4 分" in page.text
    assert "已帮扶" in page.text and "拟帮扶" not in page.text


def test_a_returned_payment_is_answered_with_a_corrected_account(world: World) -> None:
    case = _bounced(world)
    client = at_desk(world.village_clerk)
    url = f"/cases/{case.pk}/act/correct_account/"
    data = {"key": key_of(client.get(url)), "number": "9999990000000014", "kind": "card", "bank": "禾丰农商银行"}

    wrong = client.post(url, data | {"again": "9999990000000015"})
    right = client.post(url, data | {"again": "9999 9900 0000 0014"})
    again = client.post(url, data | {"again": "9999990000000014"})

    assert wrong.status_code == 422 and "两遍账号不一样" in wrong.text
    assert right.status_code == again.status_code == 302
    assert case_now(case).payee_account.number_last4 == "0014"
    assert case.household.accounts.count() == 2


def test_a_corrected_card_number_that_fails_its_check_is_questioned_not_forbidden(world: World) -> None:
    case = _bounced(world)
    client = at_desk(world.village_clerk)
    url = f"/cases/{case.pk}/act/correct_account/"
    number = {"number": "9999990000000015", "again": "9999990000000015"}
    data = {"key": key_of(client.get(url)), "kind": "card", "bank": "禾丰农商银行"} | number
    assert 'type="checkbox"' not in client.get(url).text

    questioned = client.post(url, data)
    assert questioned.status_code == 422 and "校验位不对" in questioned.text
    assert case.household.accounts.count() == 1
    confirmed = client.post(url, data | {"sure": "on"})

    assert confirmed.status_code == 302 and case_now(case).payee_account.number_last4 == "0015"


def test_a_bank_is_chosen_of_those_that_are_known_or_written_out(world: World) -> None:
    case = _bounced(world)
    client = at_desk(world.village_clerk)
    url = f"/cases/{case.pk}/act/correct_account/"
    number = {"number": "9999990000000014", "again": "9999990000000014", "kind": "card"}
    data = {"key": key_of(client.get(url))} | number
    assert '<option value="禾丰农商银行"' in client.get(url).text

    unnamed = client.post(url, data | {"bank": "other", "other_bank": " "})
    assert unnamed.status_code == 422 and "请写是哪家银行" in unnamed.text
    named = client.post(url, data | {"bank": "other", "other_bank": "禾源邮政储蓄银行"})

    assert named.status_code == 302 and case_now(case).payee_account.bank == "禾源邮政储蓄银行"


def test_a_returned_payment_is_the_villages_turn_until_the_account_is_mended(world: World) -> None:
    case = _bounced(world)
    page, reissue = f"/cases/{case.pk}/", f"/cases/{case.pk}/act/reissue/"

    def turn(role: str) -> dict[str, Any]:
        return at_desk(world.staff[role]).get(page).context["turn"]

    clerk = at_desk(world.village_clerk)
    assert turn("village_clerk")["do"]["url"].endswith("correct_account/")
    assert case.head_name in clerk.get("/village/todo/").text and count_waiting(world.fund_manager) == 0
    waiting = at_desk(world.fund_manager).get(page)
    assert "do" not in waiting.context["turn"] and reissue not in waiting.text
    assert world.village_clerk.name in waiting.context["turn"]["who"]

    account = families.record_account(
        case.household,
        case.household.head,
        "9999990000000014",
        kind="card",
        bank="禾丰农商银行",
        by=world.township_clerk,
    )
    world.do(case, "correct_account", "village_clerk", data={"account_id": account.pk})
    mended = turn("fund_manager")
    assert case.head_name not in clerk.get("/village/todo/").text
    assert case.head_name in clerk.get("/village/waiting/").text and count_waiting(world.fund_manager) == 1
    assert "do" not in mended and world.fund_manager.name in mended["who"] and "4月16日起" in mended["text"]

    with clock.frozen_at(START.replace(day=16)):
        assert turn("fund_manager")["do"]["url"] == reissue
        assert "do" not in turn("village_clerk") and world.fund_manager.name in turn("village_clerk")["who"]


def test_an_account_without_a_bank_leaves_no_gap_in_the_sentence(world: World) -> None:
    case = world.brought_to("fund_reserved")
    account = case_now(case).payee_account
    account.bank = ""
    account.save()

    for path in (f"/cases/{case.pk}/", f"/families/{case.household_id}/"):
        text = at_desk(world.village_clerk).get(path).text
        assert account.number_last4 in text and "，，" not in text and f"{account.holder.name}，<" not in text


def test_a_single_payment_is_checked_and_released_on_the_page_of_its_batch(world: World) -> None:
    """That page asks for count, total and password; the case page only leads there."""
    case = world.brought_to("fund_reserved")
    url = f"/cases/{case.pk}/act/list_payment/"
    manager = at_desk(world.fund_manager)
    assert manager.post(url, {"key": key_of(manager.get(url))}).status_code == 302

    payment = Payment.objects.get(subject=case.subject)
    for role, action in (("fund_checker", "check_payment"), ("cashier", "release_payment")):
        answer = at_desk(world.staff[role]).post(f"/cases/{case.pk}/act/{action}/", {"key": "k"})
        assert answer.status_code == 302 and answer["Location"] == f"/funds/batches/{payment.batch_id}/"
    assert Payment.objects.get(pk=payment.pk).state == "listed" and payment.batch.state == "draft"


# ---------------------------------------------------------------- what each role may see


def test_a_fund_role_sees_the_payment_and_not_the_family(world: World) -> None:
    case = world.brought_to("fund_reserved")

    page = at_desk(world.fund_manager).get(f"/cases/{case.pk}/")

    assert "2,000" in page.text and "贰仟元整" in page.text
    for hidden in ("屋顶漏雨", "房子塌了一角", "12,000", "听取情况"):
        assert hidden not in page.text
    assert at_desk(world.fund_manager).get(f"/cases/{case.pk}/survey/").status_code == 403


def test_mental_state_stays_in_the_village_and_with_the_townships_approver(world: World) -> None:
    case = world.brought_to("draft")
    world.survey(case.household, facts={"mood": "bad", "self_care": "part"})
    url = f"/cases/{case.pk}/survey/"

    assert "很难过" in at_desk(world.village_clerk).get(url).text
    assert "很难过" in at_desk(world.township_approver).get(url).text
    clerk = at_desk(world.township_clerk)
    for page in (url, f"/cases/{case.pk}/", f"/cases/{case.pk}/family/", f"/township/review/{case.pk}/"):
        assert "很难过" not in clerk.get(page).text, page
    assert "很难过" not in at_desk(world.county_approver).get(url).text
    assert "很难过" not in at_desk(world.auditor).get(url).text


def test_an_auditor_reads_health_and_state_of_mind_after_a_reason_that_is_logged(world: World) -> None:
    case = world.brought_to("draft")
    world.survey(case.household, facts={"mood": "bad", "self_care": "part"})
    client, url = at_desk(world.auditor), f"/cases/{case.pk}/survey/"
    assert "看身体和心情" in client.get(url).text

    without = client.post(url, {"reason": ""})
    assert without.status_code == 422 and "很难过" not in without.text and not AccessLog.objects.exists()

    shown = client.post(url, {"reason": "核对回访记录"})

    assert "很难过" in shown.text and "no-store" in shown["Cache-Control"]
    row = AccessLog.objects.get()
    assert (row.kind, row.subject, row.fields) == ("unmask", f"household:{case.household_id}", "health,mental")
    assert (row.actor_id, row.reason) == (world.auditor.pk, "核对回访记录")
    assert "很难过" not in client.get(url).text
    assert "写明原因看了：身体、心情" in client.get("/audit/reads/").text


@pytest.mark.parametrize("role", ["county_approver", "county_reviewer"])
def test_a_reason_opens_nothing_to_a_post_without_the_right(world: World, role: str) -> None:
    case = world.brought_to("draft")
    world.survey(case.household, facts={"mood": "bad"})
    client, url = at_desk(world.staff[role]), f"/cases/{case.pk}/survey/"

    answered = client.post(url, {"reason": "核对回访记录"})

    assert "很难过" not in answered.text and "看身体和心情" not in answered.text
    assert not AccessLog.objects.exists()


def test_no_page_shows_a_whole_number(world: World) -> None:
    case = _paid(world)
    from access import vault

    person, account = case.beneficiary, case.payee_account
    secrets = [
        vault.unseal(person.id_number_sealed, row=person.id_number_row),
        vault.unseal(account.number_sealed, row=account.number_row),
    ]

    for role in ("village_clerk", "township_approver", "county_approver", "fund_manager", "auditor"):
        client = at_desk(world.staff[role])
        for path in (f"/cases/{case.pk}/", f"/families/{case.household_id}/"):
            text = client.get(path).text
            assert not any(secret in text for secret in secrets), (role, path)


def test_a_whole_id_number_needs_a_reason_and_leaves_a_row(world: World) -> None:
    household = world.household()
    url = f"/families/{household.pk}/people/{household.head_id}/"
    client = at_desk(world.township_clerk)

    without = client.post(url, {"reason": ""})
    assert without.status_code == 422 and not AccessLog.objects.exists()

    shown = client.post(url, {"reason": "核对户口簿"})

    assert household.head.id_last4 in shown.text and "999999" in shown.text
    row = AccessLog.objects.get()
    assert (row.kind, row.actor_id, row.reason) == ("unmask", world.township_clerk.pk, "核对户口簿")
    assert "no-store" in shown["Cache-Control"]


def test_a_link_to_a_whole_number_asks_for_the_reason_first_and_leads_back(world: World) -> None:
    case = world.brought_to("fund_reserved")
    client, trail = at_desk(world.auditor), f"/audit/cases/{case.pk}/"
    urls = (f"/families/{case.household_id}/people/{case.household.head_id}/", f"/cases/{case.pk}/account/")

    linked = client.get(trail).text

    for url in urls:
        assert f'href="{url}?next={trail}"' in linked
        asked = client.get(f"{url}?next={trail}")
        assert asked.status_code == 200 and 'name="reason"' in asked.text and f'href="{trail}"' in asked.text
        assert "999999" not in asked.text and not AccessLog.objects.exists()
    for url in urls:
        shown = client.post(url, {"reason": "抽查户名", "next": trail})
        assert "999999" in shown.text and f'href="{trail}"' in shown.text
    assert AccessLog.objects.filter(reason="抽查户名", actor_id=world.auditor.pk).count() == 2


def test_no_row_no_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    household = world.household()

    def broken(**_facts: Any) -> None:
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr("families.services.record_access", broken)

    with pytest.raises(RuntimeError):
        at_desk(world.township_clerk).post(
            f"/families/{household.pk}/people/{household.head_id}/", {"reason": "核对户口簿"}
        )


def test_who_may_not_unmask_is_told_so(world: World) -> None:
    household = world.household()
    case = world.brought_to("fund_reserved")

    clerk = at_desk(world.village_clerk)
    assert clerk.post(f"/families/{household.pk}/people/{household.head_id}/", {"reason": "想看看"}).status_code == 403
    assert clerk.post(f"/cases/{case.pk}/account/", {"reason": "想看一看"}).status_code == 403
    fund = at_desk(world.cashier).post(f"/cases/{case.pk}/account/", {"reason": "对账要用"})
    assert fund.status_code == 200 and AccessLog.objects.get().fields == "account"


# ---------------------------------------------------------------- papers


def test_a_photo_is_set_anew_without_what_the_camera_wrote(world: World) -> None:
    case = world.brought_to("draft")

    response = at_desk(world.village_clerk).post(f"/cases/{case.pk}/papers/", {"damage_photo": photo(exif=True)})

    assert response.status_code == 302
    document = case.papers.get(kind="damage_photo").document
    content = document.file.read()
    assert b"SecretCameraMaker" not in content and content[:2] == b"\xff\xd8"
    assert document.content_type == "image/jpeg" and document.taken_on.isoformat() == "2026-04-14"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jpg", b"<script>alert(1)</script>", "认不出这个文件"),
        ("a.pdf", b"%PDF-1.7 /OpenAction /JavaScript", "会自己运行"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "认不出这个文件"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(world: World, name: str, content: bytes, says: str) -> None:
    case = world.brought_to("draft")

    response = at_desk(world.village_clerk).post(
        f"/cases/{case.pk}/papers/", {"application": SimpleUploadedFile(name, content)}
    )

    assert response.status_code == 422 and says in response.text
    assert not case.papers.exists()


def test_a_look_at_a_file_is_written_down(world: World) -> None:
    case = world.brought_to("draft")
    client = at_desk(world.village_clerk)
    client.post(f"/cases/{case.pk}/papers/", {"damage_photo": photo()})
    document = case.papers.get().document

    response = client.get(f"/documents/{document.pk}/")

    assert response.status_code == 200 and response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "image/jpeg" and "filename" in response["Content-Disposition"]
    row = AccessLog.objects.get()
    assert (row.kind, row.subject, row.actor_id) == ("file", f"document:{document.pk}", world.village_clerk.pk)
    assert at_desk(world.fund_manager).get(f"/documents/{document.pk}/").status_code == 404


def test_a_paper_inside_a_page_is_no_look_and_opening_it_is_one_a_day(world: World) -> None:
    case = world.brought_to("draft")
    client = at_desk(world.village_clerk)
    client.post(f"/cases/{case.pk}/papers/", {"damage_photo": photo(), "account_copy": photo(colour="blue")})
    damage = case.papers.get(kind="damage_photo").document
    passbook = case.papers.get(kind="account_copy").document

    page = client.get(f"/cases/{case.pk}/").text
    small = client.get(f"/documents/{damage.pk}/picture/")

    assert f'src="/documents/{damage.pk}/picture/"' in page and f'href="/documents/{passbook.pk}/"' in page
    assert f"/documents/{passbook.pk}/picture/" not in page
    assert (small.status_code, small["Content-Type"]) == (200, "image/jpeg") and "no-store" in small["Cache-Control"]
    assert client.get(f"/documents/{passbook.pk}/picture/").status_code == 404
    assert at_desk(world.other_clerk).get(f"/documents/{damage.pk}/picture/").status_code == 404
    assert not AccessLog.objects.exists()

    for _n in range(3):
        client.get(f"/documents/{damage.pk}/")
    at_desk(world.township_clerk).get(f"/documents/{damage.pk}/")
    with clock.frozen_at(START.replace(day=16)):
        client.get(f"/documents/{damage.pk}/")
    assert sorted(AccessLog.objects.values_list("actor_name", "business_date__day")) == sorted(
        [(world.village_clerk.name, 15), (world.village_clerk.name, 16), (world.township_clerk.name, 15)]
    )


def test_no_paper_is_added_under_a_signature(world: World) -> None:
    case = world.brought_to("fund_reserved")
    before = case.papers.count()

    response = at_desk(world.village_clerk).post(f"/cases/{case.pk}/papers/", {"application": photo()})

    assert response.status_code == 422 and "现在不能再加材料" in response.text
    assert case.papers.count() == before


def test_the_same_photo_in_two_families_is_noticed(world: World) -> None:
    first, second = world.brought_to("draft"), world.brought_to("draft")
    client = at_desk(world.village_clerk)
    client.post(f"/cases/{first.pk}/papers/", {"damage_photo": photo()})

    response = client.post(f"/cases/{second.pk}/papers/", {"damage_photo": photo()}, follow=True)

    assert "别的户也用过" in response.text


# ---------------------------------------------------------------- plan and deliberation


def test_a_plan_counts_planned_and_delivered_apart(world: World) -> None:
    case = world.brought_to("draft", programme="family_care")
    client = at_desk(world.village_clerk)
    client.post(f"/cases/{case.pk}/plan/", {"chosen": "health:1", "need_words": "想查查身体"})
    client.post(f"/cases/{case.pk}/plan/", {"own": "装感应灯", "own_domain": "elderly", "need_words": "夜里怕摔"})
    twice = client.post(f"/cases/{case.pk}/plan/", {"chosen": "health:1", "need_words": "想查查身体"})
    first = case.measures.get(title="体检")

    client.post(f"/cases/{case.pk}/plan/{first.pk}/deliver/")

    page = client.get(f"/cases/{case.pk}/plan/")
    assert twice.status_code == 422 and "已经有" in twice.text
    assert page.context["plan"].delivered == 1 and page.context["plan"].planned == 2
    assert "差几项也能办" in page.text
    assert first.history.count() == 2


def test_a_measure_is_dropped_only_with_a_reason_and_stays_readable(world: World) -> None:
    case = world.brought_to("draft", programme="family_care")
    world.plan(case, 1)
    measure = case.measures.get()
    client = at_desk(world.village_clerk)

    client.post(f"/cases/{case.pk}/plan/{measure.pk}/drop/", {"reason": ""})
    assert Measure.objects.get(pk=measure.pk).state == "planned"

    client.post(f"/cases/{case.pk}/plan/{measure.pk}/drop/", {"reason": "家里不要了"})
    assert Measure.objects.get(pk=measure.pk).state == "dropped"
    assert "家里不要了" in measure.history.first().history_change_reason


def _minutes(**changes: Any) -> dict[str, Any]:
    return {
        "held_on_year": 2026,
        "held_on_month": 4,
        "held_on_day": 15,
        "place": "村委会",
        "host": "王建业",
        "recorder": "周文秀",
        "due_count": 12,
        "present_count": 11,
        "recused": "肖永福，申请人的叔叔",
        "votes_for": 9,
        "votes_against": 0,
        "votes_abstain": 1,
        "minutes": "听取情况，讨论，表决。",
    } | changes


def test_a_deliberation_is_recorded_and_its_verdict_told(world: World) -> None:
    case = world.brought_to("village_review")
    client = at_desk(world.village_clerk)

    response = client.post(f"/cases/{case.pk}/deliberation/", _minutes(), follow=True)

    session = case.deliberations.get()
    assert session.recused == ["肖永福，申请人的叔叔"] and session.history.count() == 1
    assert "评议通过" in response.text
    assert client.post(f"/cases/{case.pk}/deliberation/", _minutes()).status_code == 422


def test_a_session_without_quorum_may_be_held_again_and_history_keeps_the_first(world: World) -> None:
    case = world.brought_to("village_review")
    client = at_desk(world.village_clerk)

    client.post(f"/cases/{case.pk}/deliberation/", _minutes(present_count=3, votes_for=3, votes_abstain=0))
    client.post(f"/cases/{case.pk}/deliberation/", _minutes())

    session = case.deliberations.get()
    assert session.present_count == 11 and session.history.count() == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"present_count": 13}, "比应到的人多"),
        ({"votes_for": 11}, "票数加起来"),
        ({"held_on_day": 16}, "不能晚于"),
    ],
)
def test_minutes_that_contradict_themselves_are_refused(world: World, changes: dict[str, Any], says: str) -> None:
    case = world.brought_to("village_review")

    response = at_desk(world.village_clerk).post(f"/cases/{case.pk}/deliberation/", _minutes(**changes))

    assert response.status_code == 422 and says in response.text and "听取情况" in response.text
    assert not case.deliberations.exists()


def test_whoever_checks_does_not_also_prepare(world: World) -> None:
    case = world.brought_to("village_review")
    second = make_staff("second_account", "x", world.resident_cadre.person_key)
    access.appoint(second, "village_head", world.village, by=None, valid_from=START)
    world.deliberate(case)

    response = at_desk(second).get(f"/cases/{case.pk}/act/endorse/")

    assert response.status_code == 403 and "按规定要由别人办" in response.text


# ---------------------------------------------------------------- cost


def test_the_case_page_costs_the_same_however_long_the_story(world: World, django_assert_max_num_queries: Any) -> None:
    case = _paid(world)
    world.plan(case, 6)
    client = at_desk(world.village_clerk)
    client.get(f"/cases/{case.pk}/")

    with django_assert_max_num_queries(36):
        client.get(f"/cases/{case.pk}/")


def test_staff_write_down_an_objection(world: World) -> None:
    case = world.brought_to("village_notice")
    client = at_desk(world.village_head)
    url = f"/cases/{case.pk}/act/object/"

    response = client.post(url, {"key": key_of(client.get(url)), "reason": "他家有两层新楼", "raised_by": ""})

    assert response.status_code == 302
    assert case_now(case).state == "objection"
    assert "有人提了不同意见" in client.get(f"/cases/{case.pk}/").text


def _paid(world: World) -> Any:
    return _answered(world, credited=True)


def _bounced(world: World) -> Any:
    return _answered(world, credited=False)


def _answered(world: World, *, credited: bool) -> Any:
    from casework import payments

    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="test-00000001")
    payments.check_batch(batch.pk, by=world.fund_checker, key="check")
    payments.release_batch(batch.pk, by=world.cashier, key="release")
    payment = Payment.objects.get(subject=case.subject)
    answer = payments.Answer(payment.pk, credited, reason="" if credited else "账号户名不符")
    payments.record_answers([answer], by=world.cashier, key="answer")
    return visible_case(world.village_clerk, case.pk)
