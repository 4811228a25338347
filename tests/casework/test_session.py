import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse

from access import services as access
from access.roles import Desk
from casework.demo_accounts import DEMO_PASSWORD, demo_accounts
from casework.guides import GUIDES
from casework.http import reload_soon
from casework.menu import DESKS, DeskMenu, Entry, desks_of, menu_for, seat_of
from tests.world import make_staff

PASSWORD = "a-long-password-1"


def broken(request):
    raise ValueError("secret detail of the machine")


def refused(request):
    raise PermissionDenied("这一件要由乡镇审批来办。")


def missing(request):
    raise Http404


urlpatterns = [
    path("broken/", broken),
    path("refused/", refused),
    path("missing/", missing),
    path("village/", lambda request: HttpResponse("list"), name="village_home"),
    path("village/new/", lambda request: HttpResponse("new"), name="village_new"),
    path("", include("casework.urls")),
]


# ---------------------------------------------------------------- coming in and going out


@pytest.mark.django_db
def test_everybody_is_led_to_the_login_first(client):
    answer = client.get("/")

    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/"


def test_logging_in_leads_home(client, world):
    answer = client.post("/login/", {"username": "village_clerk", "password": PASSWORD}, follow=True)

    assert answer.redirect_chain[0] == ("/", 302)
    assert answer.context["user"] == world.village_clerk


def test_a_wrong_password_says_so_without_saying_which_half_was_wrong(client, world):
    known = client.post("/login/", {"username": "village_clerk", "password": "x"}).content.decode()
    unknown = client.post("/login/", {"username": "nobody", "password": "x"}).content.decode()

    for page in (known, unknown):
        assert "账号或密码不对。" in page
        assert 'role="alert"' in page
        assert "<title>错误：" in page


@override_settings(AXES_ENABLED=True)
def test_after_a_miss_the_tries_left_are_told_and_then_the_door_is_shut(client, world):
    pages = [client.post("/login/", {"username": "village_clerk", "password": "x"}) for _try in range(8)]

    assert "还可以再试 7 次。" in pages[0].content.decode()
    assert pages[-1].status_code == 429
    assert "先等 15 分钟" in pages[-1].content.decode()
    assert client.post("/login/", {"username": "village_clerk", "password": PASSWORD}).status_code == 429


@override_settings(AXES_ENABLED=True)
def test_one_persons_misses_do_not_lock_out_her_neighbour_on_the_same_network(client, world):
    for _try in range(8):
        client.post("/login/", {"username": "village_clerk", "password": "x"})

    assert client.post("/login/", {"username": "village_head", "password": PASSWORD}).status_code == 302


def test_leaving_needs_a_button_and_not_a_link(client, world):
    client.force_login(world.village_clerk, "django.contrib.auth.backends.ModelBackend")

    assert client.get("/logout/")["Location"] == "/" and client.session.keys()
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_a_given_password_must_be_changed_first(client, world):
    world.village_clerk.must_change_password = True
    world.village_clerk.save()

    answer = client.post("/login/", {"username": "village_clerk", "password": PASSWORD})
    assert answer["Location"] == "/password/"
    assert "这是别人给你的密码" in client.get("/password/").content.decode()

    new = {"old_password": PASSWORD, "new_password1": "柳树下面有三只鸭子", "new_password2": "柳树下面有三只鸭子!"}
    assert "两遍新密码不一样。" in client.post("/password/", new).content.decode()
    new = {"old_password": PASSWORD, "new_password1": "柳树下面有三只鸭子呢", "new_password2": "柳树下面有三只鸭子呢"}
    assert client.post("/password/", new).status_code == 302
    world.village_clerk.refresh_from_db()
    assert not world.village_clerk.must_change_password


@pytest.mark.django_db(transaction=True)  # the history is completed at the commit
def test_a_new_password_is_in_the_history_once_and_is_no_bypass(client, world):
    account = world.village_clerk
    with transaction.atomic():
        account.must_change_password = True
        account.save()
    before = account.history.count()
    client.force_login(account)

    new = {"old_password": PASSWORD, "new_password1": "柳树下面有三只鸭子呢", "new_password2": "柳树下面有三只鸭子呢"}
    assert client.post("/password/", new).status_code == 302

    changed = account.history.latest("history_id")
    assert account.history.count() == before + 1 and not changed.must_change_password
    assert (changed.history_change_reason, changed.history_user_id) == ("change_password", account.pk)


def test_the_given_password_is_no_new_one(client, world):
    """Whoever handed it out knows it still."""
    world.village_clerk.must_change_password = True
    world.village_clerk.save()
    client.post("/login/", {"username": "village_clerk", "password": PASSWORD})

    same = {"old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD}

    assert "要和现在的不一样" in client.post("/password/", same).content.decode()
    assert client.get("/")["Location"] == "/password/"


def test_the_login_never_leads_to_another_site(client, world):
    answer = client.post(
        "/login/", {"username": "village_clerk", "password": PASSWORD, "next": "https://example.org/phish"}
    )

    assert answer["Location"] == "/"


# ---------------------------------------------------------------- demo accounts


def test_demo_accounts_are_offered_in_demo_mode_only(client, world, settings):
    assert demo_accounts() == []
    assert DEMO_PASSWORD not in client.get("/login/").content.decode()

    settings.DEMO = True
    page = client.get("/login/").content.decode()

    assert [account.username for account in demo_accounts()][:2] == ["village_clerk", "village_head"]
    assert DEMO_PASSWORD in page
    assert 'value="township_approver"' in page


# ---------------------------------------------------------------- look and language


@pytest.mark.parametrize(
    ("choice", "shows"),
    [
        ({"text": "large"}, 'data-text="large"'),
        ({"contrast": "high"}, 'data-contrast="high"'),
        ({"language": "en"}, '<html lang="en"'),
        ({"language": "zh-hans"}, '<html lang="zh-Hans"'),
    ],
)
def test_a_look_is_kept_for_a_year_without_logging_in(db, client, choice, shows):
    answer = client.post("/preferences/", choice | {"next": "/login/"})

    assert answer["Location"] == "/login/"
    assert [cookie["max-age"] for cookie in answer.cookies.values()] == [365 * 24 * 3600]
    assert shows in client.get("/login/").content.decode()


@pytest.mark.parametrize(
    "choice", [{"text": "huge"}, {"contrast": "<x>"}, {"language": "tlh"}, {"language": "../en"}, {}]
)
def test_an_unknown_look_changes_nothing(db, client, choice):
    assert client.post("/preferences/", choice).cookies == {}


@pytest.mark.parametrize("wanted", ["https://example.org/", "//example.org/", "javascript:alert(1)", ""])
def test_preferences_never_lead_to_another_site(db, client, wanted):
    assert client.post("/preferences/", {"text": "large", "next": wanted})["Location"] == "/preferences/"


def test_a_forged_cookie_does_not_reach_the_page(db, client):
    client.cookies["look_text"] = '"><script>'

    assert "<script>" not in client.get("/login/").content.decode()


@pytest.mark.parametrize("page", ["login", "help", "preferences"])
def test_pages_speak_one_language_at_a_time(db, client, page):
    client.cookies["django_language"] = "en"
    words = client.get(reverse(page)).content.decode().replace("中文", "")

    assert not [letter for letter in words if "\u4e00" <= letter <= "\u9fff"]


# ---------------------------------------------------------------- desks and menus


def test_a_desk_without_pages_offers_help_and_settings(world):
    officer = make_staff("officer", "x")
    access.appoint(officer, "association_officer", world.township, by=None)

    assert [item.url for item in menu_for(officer, "/help/")] == ["/", "/help/", "/preferences/"]
    assert [item.current for item in menu_for(officer, "/help/")] == [False, True, False]


def test_somebody_without_a_post_sits_at_no_desk(db):
    assert desks_of(AnonymousUser()) == []
    assert seat_of(AnonymousUser()) is None


def test_the_seat_names_village_and_post(world):
    seat = seat_of(world.village_clerk)

    assert (seat.place, seat.title) == (world.village.name, "村级专干")


@override_settings(ROOT_URLCONF=__name__)
def test_a_desk_that_has_pages_is_where_its_people_begin(client, world, monkeypatch):
    entries = (
        Entry("village_home", "首页", "house", count=lambda user: 6),
        Entry("village_new", "登记", "pen"),
    )
    monkeypatch.setitem(DESKS, Desk.VILLAGE, DeskMenu("村里", entries))
    client.force_login(world.village_clerk, "django.contrib.auth.backends.ModelBackend")

    assert client.get("/")["Location"] == "/village/"
    menu = menu_for(world.village_clerk, "/village/new/")
    assert [(item.url, item.count, item.current) for item in menu] == [
        ("/village/", 6, False),
        ("/village/new/", 0, True),
    ]


# ---------------------------------------------------------------- when things go wrong


@override_settings(ROOT_URLCONF=__name__)
def test_a_refusal_says_why_and_who_can_help(client, world):
    client.force_login(world.village_clerk, "django.contrib.auth.backends.ModelBackend")
    answer = client.get("/refused/")

    assert answer.status_code == 403
    assert "这一件要由乡镇审批来办。" in answer.content.decode()
    assert "系统管理员" in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_absent_and_out_of_reach_look_the_same(client, db):
    absent, out_of_reach = client.get("/no/such/page/"), client.get("/missing/")

    assert absent.status_code == out_of_reach.status_code == 404
    assert absent.content == out_of_reach.content


@override_settings(ROOT_URLCONF=__name__)
def test_a_crash_shows_no_detail():
    answer = Client(raise_request_exception=False).get("/broken/")

    assert answer.status_code == 500
    assert "系统出错了" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


def test_a_stale_page_is_explained(db):
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "x"})

    assert answer.status_code == 403
    assert "页面放得太久了" in answer.content.decode()


@pytest.mark.parametrize("frame", ["", "phone/", "desk/", "desk3/", "public/", "form/", "403/", "locked/"])
def test_the_style_guide_is_for_demo_and_development(db, client, settings, frame):
    assert client.get(f"/style/{frame}").status_code == 404
    settings.DEMO = True
    assert client.get(f"/style/{frame}").status_code == 200


def test_health_needs_no_database_and_readiness_does(client, db):
    assert client.get("/healthz").content == b"ok"
    assert client.get("/readyz").json() == {"ok": True, "code": "worker"}, "the pages work; no worker has run yet"


def test_a_running_job_reloads_its_page_without_a_script():
    assert reload_soon(HttpResponse())["Refresh"] == "2"


def test_every_page_forbids_scripts_and_styles_from_elsewhere(client, db):
    policy = client.get("/login/")["Content-Security-Policy"]

    assert "style-src 'self'" in policy
    assert "'unsafe-inline'" not in policy


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_guide_is_read_from_the_help_page(client, name, language):
    client.cookies["django_language"] = language

    page = client.get(f"/help/{name}/").text

    assert f"/help/{name}/" in client.get("/help/").text
    assert page.count("<h1>") == 1 and page.count("<ol>") >= 1
    assert "**" not in page and ".md" not in page and "<p>-" not in page
    assert ("一步一步" in page) == (language == "zh-hans")


def test_a_guide_that_does_not_exist_is_not_found(client):
    assert client.get("/help/etc/").status_code == 404
