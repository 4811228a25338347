"""Batches of payments and the bank's answers."""

from collections.abc import Callable, Iterable

from tests.torture.model.decisions import Decisions
from tests.torture.model.words import (
    LAW,
    LIVING,
    NOT_YOURS,
    SAME_PERSON,
    SECOND_PERSON,
    SHORT,
    WRONG_STATE,
    Asked,
    Batch,
    Payment,
    Refused,
)


class Payments(Decisions):
    def open_batch(self, maker: int, is_cash: bool) -> None:
        self.batches.append(Batch(maker, is_cash))

    def list_payment(self, reservation: int, batch: int, recorder: int, replaces: int | None = None) -> None:
        self._may_list(batch)
        part, amount = self._next_part(reservation)
        living = [p for p in self.payments_of(reservation) if p.state in LIVING]
        decided = self.reservations[reservation]
        if (
            amount <= 0
            or part in [p.part for p in living]
            or amount + sum(p.amount for p in living) > decided.amount - decided.released
            or self.is_handed_out(reservation)
        ):
            raise Refused(LAW)
        if replaces is not None and (
            self.payments[replaces].state != "returned"
            or any(p.replaces == replaces for p in self.payments)
            or self.payments[replaces].reservation != reservation
        ):
            raise Refused(LAW)
        self.payments.append(Payment(reservation, batch, amount, recorder, part, replaces=replaces))
        self.batches[batch].lines += 1

    def list_many(self, reservations: list[int], batch: int, recorder: int) -> None:
        self._may_list(batch)
        for n in reservations:
            self._next_part(n)
        if len(set(reservations)) < len(reservations):
            raise Refused(LAW)
        before = len(self.payments)
        try:
            for n in reservations:
                self.list_payment(n, batch, recorder)
        except Refused:
            self.batches[batch].lines -= len(self.payments) - before
            del self.payments[before:]
            raise

    def _may_list(self, batch: int) -> None:
        if self.batches[batch].state != "draft":
            raise Refused(WRONG_STATE)

    def _next_part(self, n: int) -> tuple[int, int]:
        """(number, amount) of what may be paid now."""
        decided = self.reservations[n]
        if not decided.parts:
            return 1, decided.amount - decided.released
        waiting = self._open_parts(n)
        if not waiting:
            raise Refused(WRONG_STATE)
        now = decided.parts[waiting[0]]
        if not now.is_due or now.needs_check and not now.checked:
            raise Refused(WRONG_STATE)
        return waiting[0] + 1, now.amount

    def unlist(self, payment: int) -> None:
        if self.batches[self.payments[payment].batch].state == "released":
            raise Refused(WRONG_STATE)
        self._step(payment, ("listed",), "cancelled")

    def _step(self, payment: int, sources: Iterable[str], target: str) -> None:
        if self.payments[payment].state not in sources:
            raise Refused(WRONG_STATE)
        self.payments[payment].state = target
        if target == "cancelled":
            self.batches[self.payments[payment].batch].lines -= 1

    def _listed(self, batch: int) -> list[int]:
        return [n for n, p in enumerate(self.payments) if p.batch == batch and p.state == "listed"]

    def check_batch(self, n: int, by: int) -> None:
        batch = self.batches[n]
        if batch.state != "draft" or not self._listed(n):
            raise Refused(WRONG_STATE)
        if by == batch.maker:
            raise Refused(SAME_PERSON)
        batch.state, batch.checker = "checked", by

    def release_batch(self, n: int, by: int) -> None:
        batch = self.batches[n]
        if batch.state != "checked" or not self._listed(n):
            raise Refused(WRONG_STATE)
        if by in (batch.maker, batch.checker):
            raise Refused(SAME_PERSON)
        if any(p.recorder == by for p in self.payments if p.batch == n and p.state != "cancelled"):
            raise Refused(SAME_PERSON)
        batch.state, batch.releaser = "released", by

    def hand_over(self, n: int, by: int) -> None:
        """Release the batch and send every payment of it, or nothing."""
        listed, seen = self._listed(n), set()
        self._may_hand_over(n, by)
        for payment in listed:  # an account moves once, by all that leaves it
            made = self.payments[payment]
            allocation = self.reservations[made.reservation].allocation
            leaving = sum(
                self.payments[p].amount
                for p in listed
                if self.reservations[self.payments[p].reservation].allocation == allocation
            )
            if (
                allocation not in seen
                and self.balance("committed", self.allocations[allocation].fund, allocation) < leaving
            ):
                raise Refused(SHORT)
            seen.add(allocation)
            of_this = sum(self.payments[p].amount for p in listed if self.payments[p].reservation == made.reservation)
            if self.reservations[made.reservation].held < of_this:
                raise Refused(LAW)
        self.release_batch(n, by)
        for payment in listed:
            self.send(payment)

    def _may_hand_over(self, n: int, by: int) -> None:
        batch = self.batches[n]
        before = (batch.state, batch.releaser)
        self.release_batch(n, by)
        batch.state, batch.releaser = before

    def _pay(self, payment: int, kind: str, sources: tuple[str, ...], target: str) -> None:
        made = self.payments[payment]
        if made.state not in sources:
            raise Refused(WRONG_STATE)
        if kind in made.moved:
            raise Refused(LAW)
        self._of_reservation(kind, made.reservation, made.amount, payment)
        made.state = target

    def send(self, payment: int) -> None:
        if self.batches[self.payments[payment].batch].state != "released":
            raise Refused(WRONG_STATE)
        self._pay(payment, "send", ("listed",), "sent")

    def send_many(self, batch: int) -> None:
        """Every payment of a released batch, in one statement."""
        if self.batches[batch].state != "released":
            raise Refused(WRONG_STATE)
        listed = self._listed(batch)
        self._demand_held(listed)
        for payment in listed:
            self.send(payment)

    def _demand_held(self, payments: list[int]) -> None:
        """Accounts are looked at first, then the decisions."""
        leaving: dict[int, int] = {}
        of_one: dict[int, int] = {}
        for n in payments:
            made = self.payments[n]
            allocation = self.reservations[made.reservation].allocation
            leaving[allocation] = leaving.get(allocation, 0) + made.amount
            of_one[made.reservation] = of_one.get(made.reservation, 0) + made.amount
        for allocation, amount in leaving.items():
            if self.balance("committed", self.allocations[allocation].fund, allocation) < amount:
                raise Refused(SHORT)
        if any(self.reservations[n].held < amount for n, amount in of_one.items()):
            raise Refused(LAW)

    def credit(self, payment: int) -> None:
        made = self.payments[payment]
        if made.state in ("sent", "unknown") and self.batches[made.batch].is_cash:
            raise Refused(LAW)
        self._pay(payment, "settle", ("sent", "unknown"), "credited")

    def bounce(self, payment: int) -> None:
        if self._is_asked(payment):
            raise Refused(WRONG_STATE)
        self._pay(payment, "bounce", ("sent", "unknown"), "returned")

    def credit_many(self, payments: list[int]) -> None:
        self._answer_many(payments, self.credit)

    def bounce_many(self, payments: list[int]) -> None:
        self._answer_many(payments, self.bounce)

    def _answer_many(self, payments: list[int], answer: Callable[[int], None]) -> None:
        """What a law refuses of a row comes before the count of the rows."""
        with_the_bank = [n for n in payments if self.payments[n].state in ("sent", "unknown")]
        if answer == self.credit and any(self.batches[self.payments[n].batch].is_cash for n in with_the_bank):
            raise Refused(LAW)
        if answer == self.bounce and any(self._is_asked(n) for n in with_the_bank):
            raise Refused(LAW)
        if len(set(with_the_bank)) < len(payments):
            raise Refused(WRONG_STATE)
        for n in sorted(payments):
            answer(n)

    def claw_back(self, payment: int) -> None:
        self._pay(payment, "clawback", ("credited",), "returned")

    def _is_asked(self, payment: int) -> bool:
        """Somebody wrote down how its cash was handed over, and the second person has not answered."""
        asked = self.payments[payment].asked
        return asked is not None and not asked.answer

    def hand_cash(self, payment: int, one: int, two: int) -> None:
        made = self.payments[payment]
        if not self.batches[made.batch].is_cash or made.state not in ("sent", "unknown"):
            raise Refused(WRONG_STATE)
        if one == two or self.batches[made.batch].releaser in (one, two):
            raise Refused(SAME_PERSON)
        if made.asked is not None and made.asked.answer != "objected":
            raise Refused(WRONG_STATE)
        made.asked = Asked(one, two)

    def confirm_cash(self, payment: int, by: int) -> None:
        """The money moves with her word."""
        made = self.payments[payment]
        if self.say_yes(made.asked, by):
            self._pay(payment, "settle", ("sent", "unknown"), "credited")

    def say_yes(self, asked: Asked, by: int) -> bool:
        """Whether it is confirmed by this, and not before."""
        if by != asked.second:
            raise Refused(NOT_YOURS)
        if asked.answer == "confirmed":
            return False
        if asked.answer:
            raise Refused(SECOND_PERSON)
        asked.answer, asked.by = "confirmed", by
        return True

    def say_no(self, asked: Asked, by: int) -> None:
        """Everybody here is of the fund desk, so anybody but the first may withdraw it."""
        if (asked.answer, asked.by) == ("objected", by):
            return
        if by == asked.first:
            raise Refused(SAME_PERSON)
        if asked.answer:
            raise Refused(SECOND_PERSON)
        asked.answer, asked.by = "objected", by

    def lose(self, payment: int) -> None:
        self._step(payment, ("sent", "unknown"), "unknown")

    def lose_many(self, payments: list[int]) -> None:
        if any(self.payments[n].state not in ("sent", "unknown") for n in payments) or len(set(payments)) < len(
            payments
        ):
            raise Refused(WRONG_STATE)
        for n in payments:
            self.lose(n)
