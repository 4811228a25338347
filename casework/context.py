"""What every page knows: the menu, the seat, the look, the business date."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from access import break_glass
from audit import clock
from audit.checkpoints import latest as latest_checkpoint
from casework.menu import DESKS, desk_of, desks_of, home_of, menu_for, search_url, seat_of
from casework.relatives.who import must_declare


@dataclass(frozen=True)
class Waiting:
    """How many; a number by itself cannot be lazy."""

    n: int

    def __bool__(self) -> bool:
        return self.n > 0


@dataclass(frozen=True)
class Look:
    """How big and how plain somebody wants her pages; kept in cookies, so that it holds before logging in, too."""

    text: str = "standard"
    contrast: str = "standard"

    COOKIES = {"text": "look_text", "contrast": "look_contrast"}
    CHOICES = {"text": ("standard", "large"), "contrast": ("standard", "high")}


def look_of(request: HttpRequest) -> Look:
    chosen = {name: request.COOKIES.get(cookie) for name, cookie in Look.COOKIES.items()}
    return Look(**{name: value for name, value in chosen.items() if value in Look.CHOICES[name]})


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. What costs a query is computed only on the pages that show it."""
    known = {
        "look": look_of(request),
        "today": clock.today(),
        "demo": settings.DEMO,
        "last_seal": SimpleLazyObject(latest_checkpoint),  # for the foot of papers
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return known
    path = request.path
    menu = SimpleLazyObject(lambda: menu_for(user, path))
    return known | {
        "menu": menu,
        "more_menu": SimpleLazyObject(lambda: [item for item in menu if item.more]),
        "more_here": SimpleLazyObject(lambda: next((item for item in menu if item.more and item.current), None)),
        "desk": SimpleLazyObject(lambda: desk_of(user, path)),
        "desks": SimpleLazyObject(
            lambda: [
                {"title": DESKS[desk].title, "url": home_of(desk), "current": desk == desk_of(user, path)}
                for desk in desks_of(user)
            ]
        ),
        "declares_relatives": SimpleLazyObject(lambda: must_declare(user)),
        "post": SimpleLazyObject(lambda: seat_of(user, path)),
        "emergencies": SimpleLazyObject(lambda: Waiting(break_glass.count_to_review(user))),
        "search_url": SimpleLazyObject(lambda: search_url(user, path)),
    }
