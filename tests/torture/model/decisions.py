"""What was decided: the money it holds, its parts, giving it back and asking it back."""

from tests.torture.model.books import Books
from tests.torture.model.words import (
    LAW,
    LIVING,
    NEAR,
    NO_FUND,
    NOT_THAT_MUCH,
    SECOND_PERSON,
    SHORT,
    THIS_YEAR,
    WRONG_STATE,
    Part,
    Payment,
    Refused,
    Reservation,
    Spend,
)


class Decisions(Books):
    def payer(self, programme: str, amount: int, purpose: str, spoken_for: dict[int, int]) -> int:
        """The allocation that pays: the nearest unit's, of these the one that is good for least else, then the oldest.

        `spoken_for` {allocation: amount} is what others of the same list take before.
        """
        able = [n for n, _allocation in enumerate(self.allocations) if self.pays(n, programme, purpose)]
        if not able:
            raise Refused(NO_FUND)
        able.sort(key=lambda n: (NEAR[self.allocations[n].place], not self.funds[self.allocations[n].fund].purposes, n))
        for n in able:
            if self.free(n) - spoken_for.get(n, 0) >= amount:
                return n
        raise Refused(SHORT)

    def pays(self, n: int, programme: str, purpose: str) -> bool:
        """Whether an allocation may pay in the village this year for this cause of hardship."""
        a, purposes = self.allocations[n], self.funds[self.allocations[n].fund].purposes
        return (
            (a.programme, a.year) == (programme, THIS_YEAR)
            and a.place in NEAR
            and (not purposes or purpose in purposes)
        )

    def payable(self, programme: str, purpose: str) -> int:
        """All that is free for it."""
        return sum(self.free(n) for n, _a in enumerate(self.allocations) if self.pays(n, programme, purpose))

    def reserve(self, programme: str, amount: int, purpose: str) -> None:
        payer = self.payer(programme, amount, purpose, {})
        if amount <= 0:
            raise Refused(LAW)
        self._reserve(payer, programme, amount, purpose)

    def reserve_two(self, programme: str, amount: int, purpose: str) -> None:
        """Two decisions in one transaction: both, or nothing of either."""
        payers = [self.payer(programme, amount, purpose, {})] * 2  # each looks before the other's money has moved
        if amount <= 0:
            raise Refused(LAW)
        if self.free(payers[0]) < 2 * amount:
            raise Refused(SHORT)
        for payer in payers:
            self._reserve(payer, programme, amount, purpose)

    def reserve_many(self, programme: str, wanted: list[tuple[int, str]]) -> None:
        """[(amount, purpose)] of one list: each looks at what those before it have left."""
        spoken_for: dict[int, int] = {}
        payers = []
        for amount, purpose in wanted:
            payers.append(self.payer(programme, amount, purpose, spoken_for))
            spoken_for[payers[-1]] = spoken_for.get(payers[-1], 0) + amount
        if min(amount for amount, _purpose in wanted) <= 0:
            raise Refused(LAW)
        for payer, (amount, purpose) in zip(payers, wanted, strict=True):
            self._reserve(payer, programme, amount, purpose)

    def _reserve(self, payer: int, programme: str, amount: int, purpose: str) -> None:
        self.reservations.append(Reservation(payer, programme, amount, purpose=purpose))
        self._of_reservation("reserve", len(self.reservations) - 1, amount)

    def _of_reservation(self, kind: str, n: int, amount: int, payment: int | None = None) -> None:
        allocation = self.reservations[n].allocation
        self._transfer(kind, self.allocations[allocation].fund, amount, allocation, n, payment)

    def release(self, n: int) -> None:
        self._may_release(n)
        rest = self._rest(n)
        if rest <= 0:
            return
        self._of_reservation("release", n, rest)
        self.reservations[n].released += rest
        for part in self._open_parts(n):
            self.reservations[n].parts[part].cancelled = True

    def release_many(self, ns: list[int]) -> None:
        for n in ns:
            self._may_release(n)
        for n in sorted(set(ns)):
            self.release(n)

    def _may_release(self, n: int) -> None:
        if any(p.state in ("listed", "sent", "unknown") for p in self.payments_of(n)) or self.open_spend(n):
            raise Refused(WRONG_STATE)

    def _rest(self, n: int) -> int:
        """What was neither paid nor given back."""
        paid = sum(p.amount for p in self.payments_of(n) if p.state == "credited")
        settled = sum(s.settled for s in self.spends if s.reservation == n)
        return self.reservations[n].amount - paid - settled - self.reservations[n].released

    # Handed out of a float

    def open_spend(self, n: int) -> Spend | None:
        return next((s for s in self.spends if s.reservation == n and s.open), None)

    def is_handed_out(self, n: int) -> bool:
        return any(s.reservation == n and s.back < s.amount for s in self.spends)

    def _settle(self, spend: Spend, amount: int, *, written_off: bool = False) -> None:
        """So much of it is paid after all, out of the decision's own money, and the float is whole again."""
        if spend.asked.answer != "confirmed" and not written_off:
            raise Refused(SECOND_PERSON)
        if not 0 < amount <= spend.open:
            raise Refused(NOT_THAT_MUCH)
        self._of_reservation("imprest_settle", spend.reservation, amount)
        self._replenish(spend, amount)
        spend.settled += amount

    def _replenish(self, spend: Spend, amount: int) -> None:
        allocation = self.floats[spend.float].allocation
        self._transfer("imprest_replenish", self.allocations[allocation].fund, amount, allocation)

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

    # Asked back

    def begin_recovery(self, n: int, owed: int) -> None:
        paid = sum(p.amount for p in self.payments_of(n) if p.state == "credited")
        paid += sum(s.amount - s.back for s in self.spends if s.reservation == n)
        if not 0 < owed <= paid:
            raise Refused(NOT_THAT_MUCH)
        spend = self.open_spend(n)
        if spend is not None and owed < spend.open and spend.asked.answer != "confirmed":
            raise Refused(SECOND_PERSON)
        if self.reservations[n].owed is not None:
            raise Refused(LAW)
        if spend is not None and owed < spend.open:  # what is not asked back is what was decided
            self._settle(spend, spend.open - owed)
        self.reservations[n].owed = owed

    def recover(self, n: int, amount: int) -> None:
        if not 0 < amount <= self.reservations[n].still_owed:
            raise Refused(NOT_THAT_MUCH)
        spend = self.open_spend(n)
        if spend is None:
            self._of_reservation("recover", n, amount)
            self.reservations[n].recovered += amount
            return
        if amount > spend.open:
            raise Refused(NOT_THAT_MUCH)
        self._replenish(spend, amount)
        spend.back += amount
        self.reservations[n].recovered += amount
        self._release_at_the_end(n)

    def write_off(self, n: int, amount: int) -> None:
        reservation, spend = self.reservations[n], self.open_spend(n)
        if amount > reservation.still_owed or spend is not None and amount > spend.open:
            raise Refused(NOT_THAT_MUCH)
        reservation.written_off += amount
        if spend is not None:
            self._settle(spend, amount, written_off=True)
            self._release_at_the_end(n)

    def _release_at_the_end(self, n: int) -> None:
        """Of a decision that a township paid: what it does not need to make its float whole."""
        if not self.reservations[n].still_owed:
            self.release(n)
