"""Help in parts: planning them, checking what a part waits for, finding the next one, ending what is left.

    plan(reservation, [Part("1", date, 100_000), Part("2", date, 100_000, needs_check=True)])

The parts are together no more than was decided, and a payment is exactly one of them; PostgreSQL holds both.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audit import clock
from funds.errors import NotThatMuch, WrongPaymentState
from funds.models import LIVING, Instalment, Payment, Reservation
from funds.money import yuan


@dataclass(frozen=True)
class Part:
    """One instalment as it is planned. `label`: its name, or its number. `needs_check`: it is paid only after somebody has
    looked."""

    label: str
    due_on: datetime.date
    amount_fen: int
    needs_check: bool = False


def plan(reservation: Reservation, parts: list[Part]) -> None:
    """Lay down the parts of a reservation. Raises NotThatMuch when they are not together what was decided."""
    if sum(part.amount_fen for part in parts) != reservation.amount_fen:
        raise NotThatMuch(_("各期加起来要正好等于批准的金额。"))
    for n, part in enumerate(parts, start=1):
        Instalment.objects.create(
            reservation=reservation,
            n=n,
            label=part.label,
            due_on=part.due_on,
            amount_fen=part.amount_fen,
            needs_check=part.needs_check,
        )


def open_parts(reservation: Reservation) -> list[Instalment]:
    """Parts that are neither cancelled nor being paid nor paid, the next one first."""
    spoken_for = Payment.objects.filter(reservation=reservation, state__in=LIVING).values("instalment")
    return list(reservation.instalments.filter(cancelled_on__isnull=True).exclude(n__in=spoken_for).order_by("n"))


def next_parts(reservations: Iterable[Reservation]) -> dict[int, Instalment | None]:
    """{reservation id: its next part}, two queries for all. None: all are paid. One that is paid at once is absent."""
    ids = [reservation.pk for reservation in reservations]
    spoken_for = set(
        Payment.objects.filter(reservation__in=ids, state__in=LIVING).values_list("reservation_id", "instalment")
    )
    found: dict[int, Instalment | None] = {}
    for part in Instalment.objects.filter(reservation__in=ids).order_by("reservation_id", "-n"):
        is_open = part.cancelled_on is None and (part.reservation_id, part.n) not in spoken_for
        found[part.reservation_id] = part if is_open else found.get(part.reservation_id)
    return found


def next_part(reservation: Reservation) -> tuple[int, int]:
    """(number, fen) of what may be paid now: the whole decision when it was not planned in parts.

    Raises WrongPaymentState with the sentence why nothing may be paid today.
    """
    if not reservation.instalments.exists():
        return 1, reservation.amount_fen - reservation.released_fen
    waiting = open_parts(reservation)
    because = why_not_yet(waiting[0] if waiting else None)
    if because:
        raise WrongPaymentState(because)
    return waiting[0].n, waiting[0].amount_fen


def why_not_yet(part: Instalment | None) -> str:
    """ "" when this part may be paid today, else the sentence why not."""
    if part is None:
        return _("各期都付过了。")
    if part.due_on > clock.today():
        return _("「%(part)s」要到 %(date)s 才能付。") % {"part": part.title, "date": part.due_on.isoformat()}
    if part.needs_check and part.checked_on is None:
        return _("「%(part)s」要先核查，核查通过才能付。") % {"part": part.title}
    return ""


def check(part: Instalment, *, by: Any, note: str, amount_fen: int | None = None) -> Instalment:
    """Somebody has seen that the part is due: still enrolled, walls up, hours served. It may be less than planned, never more.

    Raises WrongPaymentState when it was checked or cancelled before, NotThatMuch.
    """
    if part.cancelled_on is not None or part.checked_on is not None:
        raise WrongPaymentState(_("「%(part)s」已经核查过，或者已经取消。") % {"part": part.title})
    if amount_fen is not None:
        if not 0 < amount_fen <= part.amount_fen:
            raise NotThatMuch(
                _("「%(part)s」最多 %(most)s 元，要大于 0。") % {"part": part.title, "most": yuan(part.amount_fen)}
            )
        part.amount_fen = amount_fen
    part.checked_by, part.checker_person_key, part.checked_on = by, by.person_key, clock.today()
    part.check_note = note.strip()
    if not part.check_note:
        raise WrongPaymentState(_("请写明核查到了什么。"))
    part.save()
    return part


def cancel_unpaid(reservation: Reservation, *, reason: str) -> int:
    """End every part that is not being paid; returns how many. Their money is given back by `services.release`."""
    parts = open_parts(reservation)
    for part in parts:
        part.cancelled_on, part.cancel_reason = clock.today(), reason[:200] or _("不再发放")
        part.save()
    return len(parts)
