"""The log of services that a provider gives for a family: written down when they are signed for, billed with a part.

    record(case_id, Service(served_on=…, what="上门助餐", minutes=60, amount_fen=15_00, signed_by="本人"), by=clerk, key=…)

An entry is never changed (PostgreSQL holds that). A wrong one that was not billed is withdrawn with a reason and written anew.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from access import reach
from audit import clock
from casework.acting import key_reused
from casework.days import day_short
from casework.errors import BadCaseData, ReasonNeeded, TooEarly, WrongState
from casework.models import Case, ServiceEntry
from casework.preparing import preparing
from flows.programmes.parts import SURVEYORS
from flows.states import STATES
from funds import services as funds

RECORDERS = (*SURVEYORS, "township_clerk")
# From the decision to the last payment; what was done before help was suspended may still be written down.
SERVED_IN = frozenset({"fund_reserved", "in_payment", "payment_returned", "between_payments", "suspended"})
LATEST_DAYS = 31  # a service is written down within a month, while people remember it


@dataclass(frozen=True)
class Service:
    """What was done, when, for how long, for how much, and who signed for it."""

    served_on: datetime.date
    what: str
    minutes: int
    amount_fen: int
    signed_by: str


def record(case_id: int, service: Service, *, by: Any, key: str) -> ServiceEntry:
    """Write down a service that was signed for. Recording is the duty "prepare": who records does not check the part.

    A key used before returns its entry. Raises KeyReused for one of another case, WrongState outside the time of the help, TooEarly for a day that is to come,
    BadCaseData for one outside the help or more hours than a day's work, and what `preparing` raises.
    """
    with preparing(case_id, by, reason="record_service", states=SERVED_IN, roles=RECORDERS) as case:
        with reach.beyond():
            known = ServiceEntry.objects.filter(key=key).first()
        if known is not None:
            if known.case_id != case.pk:
                raise key_reused()
            return known
        _demand_day_of_the_help(case, service.served_on)
        _demand_hours(case, service)
        return ServiceEntry.objects.create(
            case=case,
            served_on=service.served_on,
            what=service.what.strip(),
            minutes=service.minutes,
            amount_fen=service.amount_fen,
            signed_by=service.signed_by.strip(),
            recorded_by=by,
            recorder_person_key=by.person_key,
            key=key,
        )


def _demand_day_of_the_help(case: Case, day: datetime.date) -> None:
    today = clock.today()
    if day > today:
        raise TooEarly(_("服务还没有做，做了、签了字再记。"))
    if day < today - datetime.timedelta(days=LATEST_DAYS):
        raise BadCaseData(_("服务要在一个月以内记。更早的请写明情况，由乡里核查时处理。"))
    reservation = funds.held_reservation(case.subject)
    if reservation is None or day < reservation.reserved_on:
        raise BadCaseData(_("只能记批准以后做的服务。"))
    suspended = case.events.filter(to_state="suspended").order_by("-n").first() if case.state == "suspended" else None
    if suspended is not None and day > suspended.business_date:
        raise WrongState(
            _("%(day)s起「%(state)s」，暂停以后做的服务不能记。")
            % {"day": day_short(suspended.business_date), "state": STATES["suspended"].title}
        )


def _demand_hours(case: Case, service: Service) -> None:
    most = case.rules.service_hours_a_day * 60
    before = living(case).filter(served_on=service.served_on).aggregate(minutes=Sum("minutes"))["minutes"] or 0
    if before + service.minutes > most:
        raise BadCaseData(
            _("%(day)s已经记了 %(before)d 分钟，加上这一次会超过一天 %(most)d 小时。一个人做不了这么多，请核对。")
            % {"day": day_short(service.served_on), "before": before, "most": most // 60}
        )


def withdraw(entry_id: int, *, by: Any, reason: str) -> ServiceEntry:
    """Take back a wrong entry that was not billed. Withdrawing twice is once.

    Raises ReasonNeeded, WrongState for an entry that was billed, and what `preparing` raises.
    """
    if not reason.strip():
        raise ReasonNeeded(_("请写明哪里记错了。"))
    case_id = ServiceEntry.objects.values_list("case_id", flat=True).get(pk=entry_id)
    with preparing(case_id, by, reason="withdraw_service", states=SERVED_IN, roles=RECORDERS):
        entry = ServiceEntry.objects.select_for_update().get(pk=entry_id)
        if entry.instalment is not None:
            raise WrongState(_("这一条已经算进第 %(n)d 期付款，不能再撤。") % {"n": entry.instalment})
        if entry.withdrawn_on is None:
            entry.withdrawn_on, entry.withdraw_reason = clock.today(), reason.strip()[:200]
            entry.save()
        return entry


def living(case: Case) -> Any:
    """The case's entries without those that were withdrawn."""
    return ServiceEntry.objects.filter(case=case, withdrawn_on__isnull=True)


def unbilled(case: Case) -> Any:
    """What was signed for and no part has paid, the oldest first."""
    return living(case).filter(instalment__isnull=True).order_by("served_on", "pk")


def payable_fen(entries: Iterable[ServiceEntry], most_fen: int) -> int:
    """What those of the services cost, from the first on, that `most_fen` pays whole; all of it for a first one that is dearer."""
    fen = 0
    for entry in entries:
        if fen and fen + entry.amount_fen > most_fen:
            break
        fen += entry.amount_fen
    return min(fen, most_fen)


def paid_with(entries: Iterable[ServiceEntry], amount_fen: int) -> list[ServiceEntry]:
    """The services that an amount pays, from the first on. One that it pays in part is paid; what it does not reach waits."""
    found, fen = [], 0
    for entry in entries:
        if fen >= amount_fen:
            break
        found.append(entry)
        fen += entry.amount_fen
    return found


def sums(entries: Any) -> dict[str, int]:
    """{count, minutes, amount_fen} of a query of entries."""
    found = entries.aggregate(count=Count("pk"), minutes=Sum("minutes"), amount_fen=Sum("amount_fen"))
    return {name: value or 0 for name, value in found.items()}
