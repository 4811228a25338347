"""Which notices hang on the board today. The board shows what was published, word for word, and nothing that has ended."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404

from access.rates import is_too_often
from audit import clock
from casework.due import notice_words
from casework.models import PublicNotice
from families import catalogue
from flows.programmes import PROGRAMMES

OBJECTIONS_AN_HOUR = 10  # from one address; a village shares one
# What may stand on a board. Whatever else a notice's facts might hold, nobody reads it here.
WHITELIST = ("village", "name", "people", "programme", "cause")


def current_notices() -> QuerySet[PublicNotice]:
    """Running notices, and those that somebody objected to while the objection is looked into."""
    today = clock.today()
    running = Q(ended_on__isnull=True, starts_on__lte=today, ends_on__gte=today) & (
        Q(kind=PublicNotice.Kind.VILLAGE, case__state="village_notice")
        | Q(kind=PublicNotice.Kind.EXIT, case__state="exit_notice")
    )
    questioned = Q(outcome="objected", case__state="objection")
    return PublicNotice.objects.filter(running | questioned).order_by("-starts_on", "pk")


def current_notice(notice_id: int) -> PublicNotice:
    """One of them, or Http404: what has ended is taken off the board."""
    notice = current_notices().select_related("village__township").filter(pk=notice_id).first()
    if notice is None:
        raise Http404
    return notice


@dataclass(frozen=True)
class Line:
    """One family on the board."""

    notice: PublicNotice
    name: str
    people: str
    programme: Any
    cause: Any
    is_questioned: bool

    @property
    def days(self) -> int:
        return (self.notice.ends_on - self.notice.starts_on).days

    @property
    def words(self) -> str:
        """Which day of the notice today is."""
        return notice_words(self.notice.starts_on, self.notice.ends_on, clock.today())

    @property
    def left(self) -> int:
        return (self.notice.ends_on - clock.today()).days


def line_of(notice: PublicNotice) -> Line:
    facts = {name: notice.facts.get(name, "") for name in WHITELIST}
    spec = PROGRAMMES.get(facts["programme"])
    return Line(
        notice=notice,
        name=str(facts["name"]),
        people=str(facts["people"]),
        programme=spec.title if spec else "",
        cause=catalogue.title(catalogue.CAUSES, facts["cause"]) if facts["cause"] else "",
        is_questioned=notice.outcome == "objected",
    )


def number_of(notice: PublicNotice) -> str:
    return f"{notice.starts_on.year}-{notice.pk:05d}"


def check_code(notice: PublicNotice) -> str:
    """Twelve digits of the fingerprint of what was published, for comparing paper and screen."""
    code = notice.digest[:12].upper()
    return "-".join((code[:4], code[4:8], code[8:]))


def too_many(address: str) -> bool:
    """Whether this address has sent enough for one hour; counts this one."""
    return is_too_often("objection", address, most=OBJECTIONS_AN_HOUR, within=datetime.timedelta(hours=1))
