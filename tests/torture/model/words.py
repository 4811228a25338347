"""The nouns and words of the model: what is counted, the ways of money, and why something is refused."""

from dataclasses import dataclass, field

SHORT, NO_FUND, WRONG_STATE, SAME_PERSON = "FundShort", "NoFund", "WrongPaymentState", "SamePerson"
EARMARKED, WRONG_PROPOSAL, NOT_THAT_MUCH = "Earmarked", "WrongProposal", "NotThatMuch"
NOT_YOURS, SECOND_PERSON = "NotYours", "SecondPerson"
IMPREST_SHORT, IMPREST_BLOCKED = "ImprestShort", "ImprestBlocked"
LAW = "law"
THIS_YEAR = 2026  # of the clock of the games
Account = tuple[str, int, int | None]  # kind, fund, allocation


class Refused(Exception):
    """`why` is one of the words above; LAW is what PostgreSQL refuses without a word for the person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Fund:
    """What its money may be used for; empty or None: for anything, anywhere, whenever."""

    programmes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    place: str | None = None
    first_year: int | None = None
    last_year: int | None = None


@dataclass
class Allocation:
    fund: int
    programme: str
    place: str
    year: int = THIS_YEAR
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
    purpose: str = ""
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
    asked: "Asked | None" = None  # about its cash, the last time that somebody wrote it down


@dataclass
class Asked:
    """The second of two persons, by the place of each in the game: what she says of what the first wrote down."""

    first: int
    second: int
    answer: str = ""
    by: int | None = None


@dataclass
class Batch:
    maker: int
    is_cash: bool = False
    lines: int = 0  # listed and not taken off
    checker: int | None = None
    releaser: int | None = None
    state: str = "draft"


@dataclass
class Float:
    """What a township may hold of an allocation. `limit` 0: it has ended."""

    allocation: int
    limit: int
    custodian: int
    proposal: int

    @property
    def has_ended(self) -> bool:
        return self.limit == 0


@dataclass
class Spend:
    """Handed out of a float for a decision, until its papers are accepted or the family has given it back."""

    float: int
    reservation: int
    amount: int
    settled: int = 0
    back: int = 0
    refill: int | None = None
    asked: Asked = field(default_factory=lambda: Asked(0, 1))

    @property
    def open(self) -> int:
        return self.amount - self.settled - self.back


@dataclass
class Refill:
    float: int
    amount: int
    asker: int
    payer: int | None = None


@dataclass
class Count:
    """What the custodian found in a float, beside what the books said."""

    float: int
    cash: int
    book: int
    awaited: int
    counter: int
    is_explained: bool
    reviewer: int | None = None

    @property
    def difference(self) -> int:
        return self.cash - (self.book - self.awaited)


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
    custodian: int | None = None  # of a float
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


def shares(amount: int, weights: list[int]) -> list[int]:
    """Together the whole: what cannot be divided goes to the last one."""
    parts = [amount * weight // sum(weights) for weight in weights]
    parts[-1] += amount - sum(parts)
    return parts


class Facts:
    """Everything that the model knows. A fund, allocation, reservation, batch, payment and so on is its place in a list."""

    def __init__(self) -> None:
        self.funds: list[Fund] = []
        self.allocations: list[Allocation] = []
        self.reservations: list[Reservation] = []
        self.batches: list[Batch] = []
        self.payments: list[Payment] = []
        self.transfers: list[Transfer] = []
        self.proposals: list[Proposal] = []
        self.floats: list[Float] = []
        self.spends: list[Spend] = []
        self.refills: list[Refill] = []
        self.counts: list[Count] = []
        self.turnover: dict[Account, list[int]] = {}  # [given, received]
