"""What every answer tells the browser, and that no page needs an exception from it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.desks.test_township import login
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "": ("/login/", "/help/", "/notices/", "/nothing-here/"),
    "village_clerk": ("/village/", "/preferences/", "/account/factor/", "/account/places/"),
    "township_clerk": ("/township/", "/imports/"),
    "county_approver": ("/county/", "/emergency/"),
    "cashier": ("/funds/", "/funds/batches/"),
    "auditor": ("/audit/", "/audit/reads/"),
    "sysadmin": ("/admin/", "/admin/waiting/", "/admin/staff/"),
}
PLAIN = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("role", PAGES)
def test_every_page_has_the_headers(world: World, role: str) -> None:
    client = login(Client(), world.staff[role]) if role else Client()

    for page in PAGES[role]:
        answer = client.get(page)
        assert {name: answer[name] for name in PLAIN} == PLAIN, page
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy, page
        assert "geolocation=()" in answer["Permissions-Policy"] and "camera=(self)" in answer["Permissions-Policy"]


def test_no_cookie_is_read_by_a_script_or_sent_from_elsewhere_but_the_one_that_the_forms_need(world: World) -> None:
    client = Client()
    client.get("/login/")
    client.post("/login/", {"username": "cashier", "password": "a-long-password-1"})
    client.post("/preferences/", {"text": "large", "language": "en"})

    assert {name for name, cookie in client.cookies.items() if not cookie["httponly"]} <= {settings.CSRF_COOKIE_NAME}
    assert {cookie["samesite"] for cookie in client.cookies.values()} == {"Lax"}


@pytest.fixture(scope="module")
def production() -> dict[str, str]:
    more = {"CASEWORK_HTTPS": "1", "CASEWORK_DEMO": "0", "CASEWORK_ALLOWED_HOSTS": "bangfu.county.example"}
    ours = ("CASEWORK_", "DJANGO_")  # the browser's tests set one of Django's for themselves
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def manage(production: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=production, capture_output=True, text=True, check=False
    )


def test_a_production_installation_passes_djangos_own_check(production: dict[str, str]) -> None:
    done = manage(production, "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


def test_in_production_cookies_and_pages_go_by_https_alone(production: dict[str, str]) -> None:
    asked = (
        "from django.conf import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT,"
        " s.SECURE_HSTS_SECONDS, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.DEBUG, s.SECOND_FACTOR)"
    )
    done = manage(production, "shell", "--no-imports", "-c", asked)

    assert done.stdout.split() == ["True", "True", "True", "31536000", "True", "False", "True"], done.stderr


def test_no_template_has_a_script_a_style_or_a_handler_in_it() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
    found: list[Any] = []
    for path in (ROOT / "templates").rglob("*.html"):
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if inline.search(line):
                found.append((path.relative_to(ROOT).as_posix(), n, line.strip()[:80]))

    assert found == []
