"""Accounts and what moves between them; funds and where their money is set aside."""

from tests.torture.model.words import (
    EARMARKED,
    LAW,
    OF_AN_ALLOCATION,
    OF_THE_FUND,
    POCKETS,
    SHORT,
    WAYS,
    WITHIN,
    WRONG_PROPOSAL,
    Account,
    Allocation,
    Facts,
    Fund,
    Refused,
    Reservation,
    Transfer,
)


class Books(Facts):
    def balance(self, kind: str, fund: int, allocation: int | None = None) -> int:
        given, received = self.turnover[kind, fund, allocation]
        return received - given

    def free(self, allocation: int) -> int:
        return self.balance("allocated", self.allocations[allocation].fund, allocation)

    def _account(self, kind: str, fund: int, allocation: int | None) -> Account:
        return (kind, fund, None if kind in OF_THE_FUND else allocation)

    def _transfer(
        self, kind: str, fund: int, amount: int, allocation: int | None = None, reservation: int | None = None,
        payment: int | None = None, *, to_fund: int | None = None, to_allocation: int | None = None,
    ) -> None:  # fmt: skip
        gives, takes = WAYS[kind]
        giver = self._account(gives, fund, allocation)
        taker = self._account(
            takes, fund if to_fund is None else to_fund, allocation if to_allocation is None else to_allocation
        )
        self._book(Transfer(kind, giver, taker, amount, reservation, payment))

    def _book(self, made: Transfer, *, mirrors: Transfer | None = None) -> None:
        if made.amount <= 0:
            raise Refused(LAW)
        if mirrors and mirrors.reversed:
            raise Refused(WRONG_PROPOSAL)
        if made.giver[0] != "source" and self.balance(*made.giver) < made.amount:
            raise Refused(SHORT)
        if made.reservation is not None:
            self._within(self.reservations[made.reservation], made)
        self.turnover[made.giver][0] += made.amount
        self.turnover[made.taker][1] += made.amount
        self.transfers.append(made)
        if mirrors:
            mirrors.reversed = made.mirrors = True
        if made.payment is not None and not mirrors:
            self.payments[made.payment].moved.add(made.kind)

    def _within(self, reservation: Reservation, made: Transfer) -> None:
        """A reservation holds, sends and has paid no less than nothing, and no more than was decided."""
        now = {name: getattr(reservation, name) for name in POCKETS.values()}
        for kind, sign in ((made.giver[0], -1), (made.taker[0], 1)):
            if kind in POCKETS:
                now[POCKETS[kind]] += sign * made.amount
        if min(now.values()) < 0 or sum(now.values()) > reservation.amount:
            raise Refused(LAW)
        for name, amount in now.items():
            setattr(reservation, name, amount)

    # Funds

    def open_fund(self, fund: Fund) -> None:
        self.funds.append(fund)
        for kind in OF_THE_FUND:
            self.turnover[kind, len(self.funds) - 1, None] = [0, 0]

    def receive(self, fund: int, amount: int) -> None:
        self._transfer("receive", fund, amount)

    def allocation_of(self, fund: int, programme: str, place: str, year: int) -> int | None:
        for n, known in enumerate(self.allocations):
            if (known.fund, known.programme, known.place, known.year) == (fund, programme, place, year):
                return n
        return None

    def _new_allocation(self, made: Allocation) -> int:
        self.allocations.append(made)
        for kind in OF_AN_ALLOCATION:
            self.turnover[kind, made.fund, len(self.allocations) - 1] = [0, 0]
        return len(self.allocations) - 1

    def _is_for(self, fund: int, programme: str, place: str, year: int) -> bool:
        """The fund's money may be set aside so; its purposes bind the decisions."""
        bound = self.funds[fund]
        return (
            (not programme or not bound.programmes or programme in bound.programmes)
            and (bound.place is None or bound.place in WITHIN[place])
            and (bound.first_year is None or year >= bound.first_year)
            and (bound.last_year is None or year <= bound.last_year)
        )

    def allocate(self, fund: int, amount: int, programme: str, place: str, year: int) -> None:
        n = self.allocation_of(fund, programme, place, year)
        if n is not None and self.allocations[n].parent is not None:
            raise Refused(WRONG_PROPOSAL)
        if amount <= 0:
            raise Refused(LAW)
        if not self._is_for(fund, programme, place, year):
            raise Refused(EARMARKED)
        if self.balance("available", fund) < amount:
            raise Refused(SHORT)
        if n is None:
            n = self._new_allocation(Allocation(fund, programme, place, year))
        self._transfer("allocate", fund, amount, n)

    def divide(self, parent: int, amount: int, programme: str, place: str) -> None:
        whole = self.allocations[parent]
        n = self.allocation_of(whole.fund, programme, place, whole.year)
        if n is None and (whole.programme not in ("", programme) or whole.place not in WITHIN[place]):
            raise Refused(WRONG_PROPOSAL)
        if n is not None and self.allocations[n].parent != parent:
            raise Refused(WRONG_PROPOSAL)
        if amount <= 0:
            raise Refused(LAW)
        if not self._is_for(whole.fund, programme, place, whole.year):
            raise Refused(EARMARKED)
        if self.free(parent) < amount:
            raise Refused(SHORT)
        if n is None:
            n = self._new_allocation(Allocation(whole.fund, programme, place, whole.year, parent))
        self._transfer("suballocate", whole.fund, amount, parent, to_allocation=n)
