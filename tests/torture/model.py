"""What the ledger should say, in plain integers. It shares nothing with funds: two hands that agree are seldom both wrong.

Every verb either moves the money of the model or raises Refused and moves nothing. Funds, allocations, reservations, batches,
payments and transfers are known by their place in a list.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

SHORT, NO_FUND, WRONG_STATE, SAME_PERSON = "FundShort", "NoFund", "WrongPaymentState", "SamePerson"
EARMARKED, WRONG_PROPOSAL, NOT_THAT_MUCH = "Earmarked", "WrongProposal", "NotThatMuch"
LAW = "law"
Account = tuple[str, int, int | None]  # kind, fund, allocation


class Refused(Exception):
    """`why` is one of the words above; LAW is what PostgreSQL refuses without a word for the person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Allocation:
    fund: int
    programme: str
    place: str
    year: int = 2026
    parent: int | None = None


@dataclass
class Reservation:
    allocation: int
    programme: str
    amount: int
    released: int = 0
    held: int = 0
    flying: int = 0
    paid: int = 0
    parts: list["Part"] = field(default_factory=list)
    owed: int | None = None  # what has to come back, if anything
    recovered: int = 0
    written_off: int = 0

    @property
    def still_owed(self) -> int:
        return (self.owed or 0) - self.recovered - self.written_off


@dataclass
class Part:
    amount: int
    is_due: bool
    needs_check: bool
    checked: bool = False
    cancelled: bool = False


@dataclass
class Payment:
    reservation: int
    batch: int
    amount: int
    recorder: int
    part: int = 1
    state: str = "listed"
    replaces: int | None = None
    moved: set[str] = field(default_factory=set)
    handed_over: bool = False


@dataclass
class Batch:
    maker: int
    is_cash: bool = False
    lines: int = 0  # listed and not taken off
    checker: int | None = None
    releaser: int | None = None
    state: str = "draft"


@dataclass
class Transfer:
    kind: str
    giver: Account
    taker: Account
    amount: int
    reservation: int | None = None
    payment: int | None = None
    mirrors: bool = False
    reversed: bool = False


@dataclass
class Proposal:
    kind: str
    by: int
    amount: int
    fund: int
    about: int | None = None  # the allocation, fund, transfer or reservation that the kind needs
    parts: dict[int, int] = field(default_factory=dict)  # of a carry-over: {allocation: amount}
    state: str = "proposed"
    decided_by: int | None = None


# {kind: (gives, receives)}: a new kind of transfer begins here
WAYS = {
    "receive": ("source", "available"),
    "allocate": ("available", "allocated"),
    "deallocate": ("allocated", "available"),
    "reserve": ("allocated", "committed"),
    "release": ("committed", "allocated"),
    "send": ("committed", "in_payment"),
    "settle": ("in_payment", "paid"),
    "bounce": ("in_payment", "committed"),
    "clawback": ("paid", "committed"),
    "recover": ("paid", "allocated"),
    "suballocate": ("allocated", "allocated"),
    "return_up": ("allocated", "allocated"),
    "carry_over": ("allocated", "allocated"),
    "interfund": ("available", "available"),
    "hand_back": ("available", "source"),
    "imprest_advance": ("allocated", "imprest"),
    "imprest_return": ("imprest", "allocated"),
    "imprest_spend": ("imprest", "imprest_spent"),
    "imprest_replenish": ("imprest_spent", "imprest"),
    "imprest_settle": ("committed", "paid"),
}
REVERSIBLE = ("receive", "allocate", "suballocate", "imprest_advance")
OF_AN_ALLOCATION = ("allocated", "committed", "in_payment", "paid", "imprest", "imprest_spent")
WITHIN = {
    "village": ("village", "township", "county"),
    "elsewhere": ("elsewhere", "township", "county"),
    "township": ("township", "county"),
    "county": ("county",),
}
LIVING = ("listed", "sent", "credited", "unknown")
OF_THE_FUND = ("source", "available")
NEAR = {"village": 0, "township": 1, "county": 2}  # whose money pays for the village, nearest first
POCKETS = {"committed": "held", "in_payment": "flying", "paid": "paid"}


def shares(amount: int, percents: list[int]) -> list[int]:
    """Together the whole: what cannot be divided goes to the last one."""
    parts = [amount * percent // 100 for percent in percents]
    parts[-1] += amount - sum(parts)
    return parts


class Model:
    def __init__(self) -> None:
        self.earmarks: list[tuple[str, ...]] = []  # one a fund; empty: for anything
        self.allocations: list[Allocation] = []
        self.reservations: list[Reservation] = []
        self.batches: list[Batch] = []
        self.payments: list[Payment] = []
        self.transfers: list[Transfer] = []
        self.proposals: list[Proposal] = []
        self.limited: set[int] = set()  # the allocations of which a township may hold a float
        self.turnover: dict[Account, list[int]] = {}  # [given, received]

    # Money

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

    def open_fund(self, earmark: tuple[str, ...]) -> None:
        self.earmarks.append(earmark)
        for kind in OF_THE_FUND:
            self.turnover[kind, len(self.earmarks) - 1, None] = [0, 0]

    def receive(self, fund: int, amount: int) -> None:
        self._transfer("receive", fund, amount)

    def allocation_of(self, fund: int, programme: str, place: str, year: int = 2026) -> int | None:
        for n, known in enumerate(self.allocations):
            if (known.fund, known.programme, known.place, known.year) == (fund, programme, place, year):
                return n
        return None

    def _new_allocation(self, made: Allocation) -> int:
        self.allocations.append(made)
        for kind in OF_AN_ALLOCATION:
            self.turnover[kind, made.fund, len(self.allocations) - 1] = [0, 0]
        return len(self.allocations) - 1

    def _not_for(self, fund: int, programme: str) -> bool:
        return bool(programme and self.earmarks[fund] and programme not in self.earmarks[fund])

    def allocate(self, fund: int, amount: int, programme: str, place: str) -> None:
        n = self.allocation_of(fund, programme, place)
        if n is not None and self.allocations[n].parent is not None:
            raise Refused(WRONG_PROPOSAL)
        if amount <= 0:
            raise Refused(LAW)
        if self._not_for(fund, programme):
            raise Refused(EARMARKED)
        if self.balance("available", fund) < amount:
            raise Refused(SHORT)
        if n is None:
            n = self._new_allocation(Allocation(fund, programme, place))
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
        if self._not_for(whole.fund, programme):
            raise Refused(EARMARKED)
        if self.free(parent) < amount:
            raise Refused(SHORT)
        if n is None:
            n = self._new_allocation(Allocation(whole.fund, programme, place, whole.year, parent))
        self._transfer("suballocate", whole.fund, amount, parent, to_allocation=n)

    def imprest_limit(self, allocation: int, amount: int, by: int, other: int) -> None:
        """One sets it, another confirms it; the games set it so high that nothing meets it, or not at all."""
        place = self.allocations[allocation]
        if place.place != "township":
            raise Refused(WRONG_PROPOSAL)
        if by == other:
            raise Refused(SAME_PERSON)
        self.limited.add(allocation)
        self.proposals.append(
            Proposal("imprest_limit", by, amount, place.fund, allocation, state="confirmed", decided_by=other)
        )

    def imprest(self, kind: str, allocation: int, amount: int) -> None:
        if kind == "imprest_advance" and allocation not in self.limited and 0 < amount <= self.free(allocation):
            raise Refused(LAW)
        self._transfer(kind, self.allocations[allocation].fund, amount, allocation)

    # Proposed by one, confirmed by another

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
        parts = {
            n: self.free(n) for n, a in enumerate(self.allocations) if (a.fund, a.year) == (fund, 2026) and self.free(n)
        }
        if not parts:
            raise Refused(WRONG_PROPOSAL)
        self.proposals.append(Proposal("carry_over", by, sum(parts.values()), fund, parts=parts))

    def propose_reversal(self, n: int, by: int) -> None:
        made = self.transfers[n]
        if made.kind not in REVERSIBLE or made.mirrors or made.reversed:
            raise Refused(WRONG_PROPOSAL)
        self.proposals.append(Proposal("reverse", by, made.amount, made.giver[1], n))

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
        bound, freer = self.earmarks[proposal.fund], self.earmarks[proposal.about]
        if bound and (not freer or not set(freer) <= set(bound)):
            raise Refused(EARMARKED)
        self._transfer("interfund", proposal.fund, proposal.amount, to_fund=proposal.about)

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
        mirror = Transfer(made.kind, made.taker, made.giver, made.amount, made.reservation, made.payment)
        self._book(mirror, mirrors=made)

    def _carry_write_off(self, proposal: Proposal) -> None:
        reservation = self.reservations[proposal.about]
        if proposal.amount > reservation.still_owed:
            raise Refused(NOT_THAT_MUCH)
        reservation.written_off += proposal.amount

    # Reservations

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

    # Batches and payments

    def open_batch(self, maker: int, is_cash: bool) -> None:
        self.batches.append(Batch(maker, is_cash))

    def list_payment(self, reservation: int, batch: int, recorder: int, replaces: int | None = None) -> None:
        if self.batches[batch].state != "draft":
            raise Refused(WRONG_STATE)
        decided, part = self.reservations[reservation], 1
        amount = decided.amount - decided.released
        if decided.parts:
            waiting = self._open_parts(reservation)
            if not waiting:
                raise Refused(WRONG_STATE)
            now = decided.parts[waiting[0]]
            if not now.is_due or now.needs_check and not now.checked:
                raise Refused(WRONG_STATE)
            part, amount = waiting[0] + 1, now.amount
        living = [p for p in self.payments_of(reservation) if p.state in LIVING]
        if (
            amount <= 0
            or part in [p.part for p in living]
            or amount + sum(p.amount for p in living) > decided.amount - decided.released
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

    def credit(self, payment: int) -> None:
        made = self.payments[payment]
        if made.state in ("sent", "unknown") and self.batches[made.batch].is_cash:
            raise Refused(LAW)
        self._pay(payment, "settle", ("sent", "unknown"), "credited")

    def bounce(self, payment: int) -> None:
        self._pay(payment, "bounce", ("sent", "unknown"), "returned")

    def claw_back(self, payment: int) -> None:
        self._pay(payment, "clawback", ("credited",), "returned")

    def hand_cash(self, payment: int, one: int, two: int) -> None:
        made = self.payments[payment]
        if not self.batches[made.batch].is_cash:
            raise Refused(WRONG_STATE)
        if one == two or self.batches[made.batch].releaser in (one, two):
            raise Refused(SAME_PERSON)
        if made.handed_over:
            raise Refused(LAW)
        self._pay(payment, "settle", ("sent", "unknown"), "credited")
        made.handed_over = True

    def lose(self, payment: int) -> None:
        self._step(payment, ("sent", "unknown"), "unknown")

    # Mistakes

    def again(self, n: int) -> None:
        """The key of a transfer is used up, whatever it is used for."""
        raise Refused(LAW)

    def tamper(self) -> None:
        raise Refused(LAW)
