"""Money in a township's hands: given up to a limit, handed out before the papers, made whole after."""

from tests.torture.model.payments import Payments
from tests.torture.model.words import (
    IMPREST_BLOCKED,
    IMPREST_SHORT,
    LAW,
    LIVING,
    SAME_PERSON,
    SECOND_PERSON,
    WITHIN,
    WRONG_STATE,
    Asked,
    Count,
    Float,
    Refill,
    Refused,
    Spend,
)


class Floats(Payments):
    def open_float(self, allocation: int) -> int | None:
        for n, box in enumerate(self.floats):
            if box.allocation == allocation and not box.has_ended:
                return n
        return None

    def advanced(self, allocation: int) -> int:
        """Given to the township, less what it gave up and what was undone."""
        of_it = [t for t in self.transfers if t.kind in ("imprest_advance", "imprest_return")]
        here = ("imprest", self.allocations[allocation].fund, allocation)
        return sum(t.amount * ((t.taker == here) - (t.giver == here)) for t in of_it)

    def book(self, box: Float) -> int:
        return self.balance("imprest", self.allocations[box.allocation].fund, box.allocation)

    def awaited(self, n: int) -> int:
        """Settled, and not refilled by the bank yet."""
        return sum(
            s.settled
            for s in self.spends
            if s.float == n and (s.refill is None or self.refills[s.refill].payer is None)
        )

    def on_hand(self, n: int) -> int:
        return self.book(self.floats[n]) - self.awaited(n)

    def _living(self, n: int) -> Float:
        if self.floats[n].has_ended:
            raise Refused(WRONG_STATE)
        return self.floats[n]

    def _of_float(self, kind: str, box: Float, amount: int) -> None:
        self._transfer(kind, self.allocations[box.allocation].fund, amount, box.allocation)

    def advance(self, n: int, amount: int) -> None:
        box = self._living(n)
        if not 0 < amount <= box.limit - self.advanced(box.allocation):
            raise Refused(IMPREST_SHORT)
        self._of_float("imprest_advance", box, amount)

    def give_up(self, n: int, amount: int) -> None:
        box = self._living(n)
        if not 0 < amount <= self.on_hand(n):
            raise Refused(IMPREST_SHORT)
        self._of_float("imprest_return", box, amount)

    def may_pay(self, n: int, reservation: int) -> bool:
        """The float is of the same fund, programme and place as the decision."""
        box, decided = self.allocations[self.floats[n].allocation], self.reservations[reservation]
        return (
            box.fund == self.allocations[decided.allocation].fund
            and box.programme == decided.programme
            and box.place in WITHIN["village"]
        )

    def spend(self, n: int, reservation: int, one: int, two: int) -> None:
        if one == two:
            raise Refused(SAME_PERSON)
        self._living(n)
        if any(s.float == n and s.open and s.asked.answer == "objected" for s in self.spends):
            raise Refused(IMPREST_BLOCKED)
        if any(c.float == n and c.reviewer is None and c.difference and not c.is_explained for c in self.counts):
            raise Refused(IMPREST_BLOCKED)
        decided = self.reservations[reservation]
        amount = decided.amount - decided.released
        if amount > self.on_hand(n):
            raise Refused(IMPREST_SHORT)
        if (
            amount <= 0
            or not self.may_pay(n, reservation)
            or any(p.state in LIVING for p in self.payments_of(reservation))
            or self.is_handed_out(reservation)
        ):
            raise Refused(LAW)
        self.spends.append(Spend(n, reservation, amount, asked=Asked(one, two)))
        self._of_float("imprest_spend", self.floats[n], amount)

    def accept(self, reservation: int) -> None:
        """The papers are there."""
        spend = self.open_spend(reservation)
        if spend is not None:
            self._settle(spend, spend.open)

    def ask_again(self, n: int, by: int) -> None:
        """The objection was a mistake."""
        asked = self.spends[n].asked
        if by == asked.first:
            raise Refused(SAME_PERSON)
        if asked.answer != "objected":
            raise Refused(SECOND_PERSON)
        self.spends[n].asked = Asked(asked.first, asked.second)

    def ask_refill(self, n: int, by: int) -> None:
        box = self._living(n)
        if by != box.custodian:
            raise Refused(SAME_PERSON)
        whole = [s for s in self.spends if s.float == n and not s.open and s.settled and s.refill is None]
        if not whole:
            raise Refused(WRONG_STATE)
        self.refills.append(Refill(n, sum(s.settled for s in whole), by))
        for spend in whole:
            spend.refill = len(self.refills) - 1

    def pay_refill(self, n: int, by: int) -> None:
        refill = self.refills[n]
        self._living(refill.float)
        if refill.payer is not None:
            return
        if by == refill.asker:
            raise Refused(SAME_PERSON)
        refill.payer = by

    def count(self, n: int, cash: int, by: int, explains: bool) -> None:
        box = self._living(n)
        if by != box.custodian:
            raise Refused(SAME_PERSON)
        if any(c.float == n and c.reviewer is None for c in self.counts):
            raise Refused(WRONG_STATE)
        self.counts.append(Count(n, cash, self.book(box), self.awaited(n), by, explains))

    def explain(self, n: int, by: int) -> None:
        counted = self.counts[n]
        box = self._living(counted.float)
        if by != box.custodian:
            raise Refused(SAME_PERSON)
        if counted.reviewer is not None:
            raise Refused(WRONG_STATE)
        counted.is_explained = True

    def review(self, n: int, by: int) -> None:
        counted = self.counts[n]
        self._living(counted.float)
        if counted.reviewer is not None:
            return
        if by == counted.counter:
            raise Refused(SAME_PERSON)
        if counted.difference and not counted.is_explained:
            raise Refused(IMPREST_BLOCKED)
        counted.reviewer = by
