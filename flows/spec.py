"""What a programme is: a frozen table of edges. Topology is code; amounts, days and documents are dated parameters.

    Edge("township_decision", "approve", by_tier(T0="paid", T1="fund_reserved", T2="county_review", T3="county_review"),
         role="township_approver", duty="approve")

An action that is not in the table for the present state is refused, whoever asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from flows.errors import NoSuchEdge
from flows.states import ACTIONS, DUTIES, ROLE_ANYONE, ROLE_SYSTEM, STATES

TIERS = ("T0", "T1", "T2", "T3")  # T0: emergency, paid first; T1..T3 by amount
NEVER = ""  # the target of an action that is meant to be impossible for a tier; the soundness check wants it said


@dataclass(frozen=True)
class Choice:
    """A target that depends on one fact: the case's frozen `tier`, where it came from or goes back to (`return_to`), or
    what the act itself finds out (`outcome`)."""

    fact: str
    targets: Mapping[str, str]

    def __hash__(self) -> int:
        return hash((self.fact, tuple(self.targets.items())))


def by_tier(**targets: str) -> Choice:
    return Choice("tier", MappingProxyType(targets))


def by_return(**targets: str) -> Choice:
    return Choice("return_to", MappingProxyType(targets))


def by_outcome(**targets: str) -> Choice:
    return Choice("outcome", MappingProxyType(targets))


@dataclass(frozen=True)
class Edge:
    source: str
    action: str
    target: str | Choice
    role: str | tuple[str, ...]
    duty: str = ""
    is_main: bool = False  # the action that moves the case on; it says whose turn it is

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.role,) if isinstance(self.role, str) else self.role

    @property
    def shows_in_the_act(self) -> bool:
        """Whether nobody can say where it leads before it is taken."""
        return isinstance(self.target, Choice) and self.target.fact == "outcome"

    def targets(self) -> frozenset[str]:
        return frozenset((self.target,) if isinstance(self.target, str) else self.target.targets.values()) - {NEVER}


MAY_OPEN = ("village_clerk", "resident_cadre", "township_clerk")  # whose act opens a case, whatever the programme


@dataclass(frozen=True)
class Spec:
    """One programme's topology. `per` is what a case is about: household, person or event."""

    code: str
    title: object
    edges: tuple[Edge, ...]
    has_money: bool = True
    per: str = "household"
    initial: str = "lead"
    ends: frozenset[str] = frozenset({"closed", "refused", "withdrawn", "cancelled"})

    @cached_property
    def table(self) -> dict[tuple[str, str], Edge]:
        """{(state, action): edge}"""
        table = {(edge.source, edge.action): edge for edge in self.edges}
        assert len(table) == len(self.edges), f"{self.code}: an edge is written twice"
        return table

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Every state of this programme, in the order of the story."""
        used = {edge.source for edge in self.edges} | {t for edge in self.edges for t in edge.targets()}
        return tuple(code for code in STATES if code in used)

    @property
    def has_emergency(self) -> bool:
        return any(edge.action == "emergency_release" for edge in self.edges)

    def edge(self, state: str, action: str) -> Edge:
        """Raises NoSuchEdge: the action does not exist in this state."""
        try:
            return self.table[state, action]
        except KeyError:
            raise NoSuchEdge(f"{self.code}: no {action} from {state}") from None

    def target(self, state: str, action: str, *, tier: str = "", return_to: str = "", outcome: str = "") -> str:
        """Where the action leads for a case with these facts. Raises NoSuchEdge."""
        target = self.edge(state, action).target
        if isinstance(target, str):
            return target
        fact = {"tier": tier, "return_to": return_to, "outcome": outcome}[target.fact]
        chosen = target.targets.get(fact, NEVER)
        if chosen == NEVER:
            raise NoSuchEdge(f"{self.code}: no {action} from {state} when {target.fact} is {fact or 'unset'}")
        return chosen

    def actions(self, state: str) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.source == state)

    def turn(self, state: str) -> str:
        """The role whose turn it is: the one that takes the main action. "" in an end state."""
        if state in self.ends:
            return ""
        mains = [edge for edge in self.actions(state) if edge.is_main]
        return mains[0].roles[0] if mains else ""


def check_words(spec: Spec) -> list[str]:
    """Spelling mistakes in a spec: states, actions and duties that nobody has defined."""
    wrong = []
    for edge in spec.edges:
        wrong += [f"state {s}" for s in {edge.source, *edge.targets()} if s not in STATES]
        wrong += [f"action {edge.action}"] if edge.action not in ACTIONS else []
        wrong += [f"duty {edge.duty}"] if edge.duty and edge.duty not in DUTIES else []
        wrong += [f"role of {edge.action}"] if not edge.roles else []
    return sorted(set(wrong))


__all__ = [
    "NEVER",
    "ROLE_ANYONE",
    "ROLE_SYSTEM",
    "TIERS",
    "Choice",
    "Edge",
    "Spec",
    "by_outcome",
    "by_return",
    "by_tier",
    "check_words",
]
