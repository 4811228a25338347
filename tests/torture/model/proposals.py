"""What is proposed by one and confirmed by another."""

from tests.torture.model.floats import Floats
from tests.torture.model.words import (
    EARMARKED,
    LAW,
    NOT_THAT_MUCH,
    REVERSIBLE,
    SAME_PERSON,
    SHORT,
    THIS_YEAR,
    WITHIN,
    WRONG_PROPOSAL,
    Allocation,
    Float,
    Fund,
    Proposal,
    Refused,
    Transfer,
)


class Proposals(Floats):
    def take_back(self, allocation: int, amount: int, by: int) -> None:
        self._demand(amount, self.free(allocation))
        self.proposals.append(Proposal("take_back", by, amount, self.allocations[allocation].fund, allocation))

    def interfund(self, fund: int, to: int, amount: int, by: int) -> None:
        if to == fund:
            raise Refused(WRONG_PROPOSAL)
        self._demand(amount, self.balance("available", fund))
        self.proposals.append(Proposal("interfund", by, amount, fund, to))

    def hand_back(self, fund: int, amount: int, by: int) -> None:
        self._demand(amount, self.balance("available", fund))
        self.proposals.append(Proposal("hand_back", by, amount, fund))

    @staticmethod
    def _demand(amount: int, there: int) -> None:
        if amount <= 0:
            raise Refused(WRONG_PROPOSAL)
        if amount > there:
            raise Refused(SHORT)

    def carry_over(self, fund: int, by: int) -> None:
        last_year = self.funds[fund].last_year
        if last_year is not None and last_year <= THIS_YEAR:
            raise Refused(EARMARKED)
        parts = {
            n: self.free(n)
            for n, a in enumerate(self.allocations)
            if (a.fund, a.year) == (fund, THIS_YEAR) and self.free(n)
        }
        if not parts:
            raise Refused(WRONG_PROPOSAL)
        self.proposals.append(Proposal("carry_over", by, sum(parts.values()), fund, parts=parts))

    def propose_reversal(self, n: int, by: int) -> None:
        made = self.transfers[n]
        if made.kind not in REVERSIBLE or made.mirrors or made.reversed:
            raise Refused(WRONG_PROPOSAL)
        self.proposals.append(Proposal("reverse", by, made.amount, made.giver[1], n))

    def imprest_limit(self, allocation: int, limit: int, custodian: int, by: int) -> None:
        """What a township may hold of an allocation, and who keeps it; 0 ends it."""
        if self.allocations[allocation].place != "township" or not limit and self.open_float(allocation) is None:
            raise Refused(WRONG_PROPOSAL)
        fund = self.allocations[allocation].fund
        self.proposals.append(Proposal("imprest_limit", by, limit, fund, allocation, custodian))

    def propose_write_off(self, n: int, amount: int, by: int) -> None:
        if not 0 < amount <= self.reservations[n].still_owed:
            raise Refused(NOT_THAT_MUCH)
        fund = self.allocations[self.reservations[n].allocation].fund
        self.proposals.append(Proposal("write_off", by, amount, fund, n))

    def _decide(self, n: int, by: int, wanted: str) -> Proposal | None:
        """The proposal, or None when it was decided so by this very person before."""
        proposal = self.proposals[n]
        if proposal.state == "proposed":
            return proposal
        if (proposal.state, proposal.decided_by) == (wanted, by):
            return None
        raise Refused(WRONG_PROPOSAL)

    def confirm(self, n: int, by: int) -> None:
        proposal = self._decide(n, by, "confirmed")
        if proposal is None:
            return
        if by == proposal.by:
            raise Refused(SAME_PERSON)
        getattr(self, f"_carry_{proposal.kind}")(proposal)
        proposal.state, proposal.decided_by = "confirmed", by

    def refuse(self, n: int, by: int) -> None:
        proposal = self._decide(n, by, "refused")
        if proposal is None:
            return
        if by == proposal.by:
            raise Refused(SAME_PERSON)
        proposal.state, proposal.decided_by = "refused", by

    def withdraw(self, n: int, by: int) -> None:
        proposal = self._decide(n, by, "withdrawn")
        if proposal is None:
            return
        if by != proposal.by:
            raise Refused(WRONG_PROPOSAL)
        proposal.state, proposal.decided_by = "withdrawn", by

    def _carry_take_back(self, proposal: Proposal) -> None:
        parent = self.allocations[proposal.about].parent
        kind = "deallocate" if parent is None else "return_up"
        self._transfer(kind, proposal.fund, proposal.amount, proposal.about, to_allocation=parent)

    def _carry_interfund(self, proposal: Proposal) -> None:
        if not self._binds(self.funds[proposal.about], self.funds[proposal.fund]):
            raise Refused(EARMARKED)
        self._transfer("interfund", proposal.fund, proposal.amount, to_fund=proposal.about)

    @staticmethod
    def _binds(to: Fund, fund: Fund) -> bool:
        """Whether money is no freer there than it was."""
        for there, here in ((to.programmes, fund.programmes), (to.purposes, fund.purposes)):
            if here and (not there or not set(there) <= set(here)):
                return False
        if fund.place is not None and (to.place is None or fund.place not in WITHIN[to.place]):
            return False
        if fund.first_year is not None and (to.first_year is None or to.first_year < fund.first_year):
            return False
        return fund.last_year is None or to.last_year is not None and to.last_year <= fund.last_year

    def _carry_hand_back(self, proposal: Proposal) -> None:
        self._transfer("hand_back", proposal.fund, proposal.amount)

    def _carry_carry_over(self, proposal: Proposal) -> None:
        if any(self.free(n) < amount for n, amount in proposal.parts.items()):
            raise Refused(SHORT)
        for n, amount in sorted(proposal.parts.items()):
            self._transfer("carry_over", proposal.fund, amount, n, to_allocation=self._next_year(n))

    def _next_year(self, n: int) -> int:
        old = self.allocations[n]
        parent = None if old.parent is None else self._next_year(old.parent)
        there = self.allocation_of(old.fund, old.programme, old.place, old.year + 1)
        if there is not None:
            return there
        return self._new_allocation(Allocation(old.fund, old.programme, old.place, old.year + 1, parent))

    def _carry_reverse(self, proposal: Proposal) -> None:
        made = self.transfers[proposal.about]
        if made.kind == "imprest_advance" and not made.reversed and self._not_in_hand(made):
            raise Refused(SHORT)
        mirror = Transfer(made.kind, made.taker, made.giver, made.amount, made.reservation, made.payment)
        self._book(mirror, mirrors=made)

    def _not_in_hand(self, advance: Transfer) -> bool:
        """What the bank still owes the township cannot be taken back from it."""
        awaited = sum(self.awaited(n) for n, box in enumerate(self.floats) if box.allocation == advance.taker[2])
        return self.balance(*advance.taker) - advance.amount < awaited

    def _carry_write_off(self, proposal: Proposal) -> None:
        self.write_off(proposal.about, proposal.amount)

    def _carry_imprest_limit(self, proposal: Proposal) -> None:
        n = self.open_float(proposal.about)
        number = next(place for place, known in enumerate(self.proposals) if known is proposal)
        if n is None:
            self.floats.append(Float(proposal.about, proposal.amount, proposal.custodian, number))
            return
        box = self.floats[n]
        if self.advanced(box.allocation) > proposal.amount or not proposal.amount and self.awaited(n):
            raise Refused(WRONG_PROPOSAL)
        decided = (proposal.amount, proposal.custodian)
        if number < box.proposal and decided != (box.limit, box.custodian):  # an older word does not undo a newer one
            raise Refused(LAW)
        box.limit, box.custodian, box.proposal = *decided, number
