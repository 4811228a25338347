"""What was decided: the money it holds, its parts, giving it back and asking it back."""

from tests.torture.model.books import Books
from tests.torture.model.words import (
    LAW,
    LIVING,
    NEAR,
    NO_FUND,
    NOT_THAT_MUCH,
    SHORT,
    WRONG_STATE,
    Part,
    Payment,
    Refused,
    Reservation,
)


class Decisions(Books):
    def payer(self, programme: str, amount: int) -> int:
        """The allocation that pays: the nearest unit's, the oldest of them."""
        able = [
            n for n, a in enumerate(self.allocations) if (a.programme, a.year) == (programme, 2026) and a.place in NEAR
        ]
        if not able:
            raise Refused(NO_FUND)
        for n in sorted(able, key=lambda n: (NEAR[self.allocations[n].place], n)):
            if self.free(n) >= amount:
                return n
        raise Refused(SHORT)

    def reserve(self, programme: str, amount: int) -> None:
        payer = self.payer(programme, amount)
        if amount <= 0:
            raise Refused(LAW)
        self.reservations.append(Reservation(payer, programme, amount))
        self._of_reservation("reserve", len(self.reservations) - 1, amount)

    def reserve_two(self, programme: str, amount: int) -> None:
        """Two decisions in one transaction: both, or nothing of either."""
        payers = [self.payer(programme, amount)] * 2  # each looks before the other's money has moved
        if amount <= 0:
            raise Refused(LAW)
        if self.free(payers[0]) < 2 * amount:
            raise Refused(SHORT)
        for payer in payers:
            self.reservations.append(Reservation(payer, programme, amount))
            self._of_reservation("reserve", len(self.reservations) - 1, amount)

    def _of_reservation(self, kind: str, n: int, amount: int, payment: int | None = None) -> None:
        allocation = self.reservations[n].allocation
        self._transfer(kind, self.allocations[allocation].fund, amount, allocation, n, payment)

    def release(self, n: int) -> None:
        reservation = self.reservations[n]
        mine = self.payments_of(n)
        if any(p.state in ("listed", "sent", "unknown") for p in mine):
            raise Refused(WRONG_STATE)
        rest = reservation.amount - sum(p.amount for p in mine if p.state == "credited") - reservation.released
        if rest <= 0:
            return
        self._of_reservation("release", n, rest)
        reservation.released += rest
        for part in self._open_parts(n):
            reservation.parts[part].cancelled = True

    def payments_of(self, n: int) -> list[Payment]:
        return [p for p in self.payments if p.reservation == n]

    def is_listed(self, n: int) -> bool:
        return any(p.state in LIVING for p in self.payments_of(n))

    def plan(self, n: int, parts: list[Part]) -> None:
        reservation = self.reservations[n]
        if sum(part.amount for part in parts) != reservation.amount:
            raise Refused(NOT_THAT_MUCH)
        if reservation.parts or reservation.released or self.is_listed(n) or min(part.amount for part in parts) <= 0:
            raise Refused(LAW)
        reservation.parts = parts

    def _open_parts(self, n: int) -> list[int]:
        living = {p.part for p in self.payments_of(n) if p.state in LIVING}
        return [k for k, part in enumerate(self.reservations[n].parts) if not part.cancelled and k + 1 not in living]

    def check_part(self, n: int, k: int, amount: int | None) -> None:
        part = self.reservations[n].parts[k]
        if part.cancelled or part.checked:
            raise Refused(WRONG_STATE)
        if amount is not None and not 0 < amount <= part.amount:
            raise Refused(NOT_THAT_MUCH)
        if amount not in (None, part.amount) and k not in self._open_parts(n):
            raise Refused(LAW)
        part.checked, part.amount = True, amount or part.amount

    def begin_recovery(self, n: int, owed: int) -> None:
        if not 0 < owed <= sum(p.amount for p in self.payments_of(n) if p.state == "credited"):
            raise Refused(NOT_THAT_MUCH)
        if self.reservations[n].owed is not None:
            raise Refused(LAW)
        self.reservations[n].owed = owed

    def recover(self, n: int, amount: int) -> None:
        if not 0 < amount <= self.reservations[n].still_owed:
            raise Refused(NOT_THAT_MUCH)
        self._of_reservation("recover", n, amount)
        self.reservations[n].recovered += amount
