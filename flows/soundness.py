"""Is a programme's way sound? Every situation that a case can get into is explored, and every promise is tried in each.

    prove(SPEC).faults            [] when the spec keeps all promises; else what breaks, and the shortest way to it

A situation is the state together with the facts that decide what may follow: tier, where a correction goes, what was
published, who has signed, where the money is. `_follow` says what an action does to them; the steps of casework do the
same to a real case, and tests/casework/test_model_agrees.py walks both side by side.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from access.roles import ROLES
from flows.errors import NoSuchEdge
from flows.spec import Choice, Edge, Spec, check_words
from flows.states import ROLE_ANYONE, ROLE_SYSTEM

# Signatures that together make a payment due, by tier. A case that was refused and won its appeal has no township signature.
FINAL = {
    "T0": ({"emergency_release"}, {"approve"}),  # at once, or once its papers were accepted
    "T1": ({"approve"}, {"confirm"}),
    "T2": ({"confirm"},),
    "T3": ({"confirm", "countersign"},),
}
# What different people must do in one case (domain §4.3), by action.
WORK = {
    **dict.fromkeys(("start_survey", "register", "submit", "submit_makeup", "resubmit", "correct_account"), "prepare"),
    "endorse": "village_opinion",
    **dict.fromkeys(("check", "approve_plan", "dismiss_objection", "uphold_objection"), "township_check"),
    **dict.fromkeys(("check_instalment", "suspend", "stop_payments"), "township_check"),
    **dict.fromkeys(("approve", "resume", "reclaim"), "approve"),
    "emergency_release": "emergency_release",
    **dict.fromkeys(("review", "overturn_refusal"), "county_review"),
    "confirm": "confirm",
    "countersign": "countersign",
    **dict.fromkeys(("list_payment", "reissue"), "list_payment"),
    "pay_from_imprest": "pay_imprest",
    "check_payment": "check_payment",
    "release_payment": "release_payment",
}
# On the way to money, yet no duty: they decide nothing about this family. Sorting a lead comes before there is a file; taking
# a payment off a list undoes; writing down the bank's answer is copying it.
NO_DUTY = frozenset(
    {
        *("triage", "dismiss", "unlist_payment", "payment_credited", "payment_bounced", "payment_unknown"),
        *("cash_handed", "confirm_cash", "object_to_cash", "payment_clawed_back"),
    }
)
# Outcomes that are not in the administration's hands: a case must be able to end without them.
NOT_OURS = {
    frozenset({"endorse"}): "the villagers vote no",
    frozenset({"payment_credited"}): "the bank never credits it",
    frozenset({"list_payment", "pay_from_imprest"}): "the approval became void",
    frozenset({"pay_from_imprest"}): "the township has nothing in hand",
}
# What goes wrong afterwards is no way out: a case must be able to end although nobody asks the money back.
NO_WAY_OUT = frozenset({"payment_clawed_back", "reclaim"})
# Money leaves by these.
PAYS = frozenset({"release_payment", "pay_from_imprest"})
# A survey is signed by two people and cash is handed out by two; both hold the duty (families.Survey and
# funds.ImprestSpend refuse one alone).
TWO_PEOPLE = {**dict.fromkeys(("register", "submit_makeup"), "second surveyor"), "pay_from_imprest": "second payer"}


@dataclass(frozen=True, slots=True)
class Situation:
    """`money`: none, held, listed, checked, sent, paid. `signed`: signatures that nothing has voided since."""

    state: str
    tier: str = ""
    return_to: str = ""
    outcome: str = ""  # what the act itself finds out; gone after it
    published: bool = False
    noticed: bool = False  # the last notice ran its whole time without an open objection
    signed: frozenset[str] = frozenset()
    money: str = "none"
    ratified: bool = False  # an emergency whose papers were accepted afterwards
    recovered: bool = False


@dataclass(frozen=True)
class Fault:
    """A broken promise. `path` is the shortest counterexample, for example "lead -triage-> triaged"."""

    promise: str
    message: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.message}: {self.path}" if self.path else self.message


@dataclass(frozen=True)
class Proof:
    """What was found out about a spec. `persons` is {tier: fewest natural persons who can bring a case to paid}."""

    spec: Spec
    faults: tuple[Fault, ...]
    situations: int = 0
    steps: int = 0
    persons: tuple[tuple[str, int], ...] = ()


def prove(spec: Spec) -> Proof:
    """Explore the spec and try every promise."""
    faults = tuple(_spelling(spec))
    if faults:  # there is no way through words that do not exist
        return Proof(spec, faults)
    space = _Space(spec)
    faults = tuple(fault for promise in _PROMISES for fault in promise(space))
    persons = tuple(fewest_persons(space).items()) if spec.has_money and not faults else ()
    return Proof(spec, faults, len(space.moves), sum(map(len, space.moves.values())), persons)


@lru_cache(maxsize=32)
def proof_of(spec: Spec) -> Proof:
    """`prove`, remembered: specs are frozen."""
    return prove(spec)


# --- what actions do -------------------------------------------------------------------------------------------------

_VOIDS = frozenset({"village_return", "return", "refuse", "uphold_objection", "resubmit", "submit_makeup", "send_back"})
_SIGNS = frozenset({"approve", "review", "confirm", "countersign"})
_MONEY: dict[str, dict[str, str]] = {  # {action: {where the money is: where it goes}}; elsewhere the action is refused
    "list_payment": {"held": "listed"},
    "reissue": {"held": "listed"},
    "check_payment": {"listed": "checked"},
    "release_payment": {"checked": "sent"},
    "unlist_payment": {"listed": "held", "checked": "held"},
    **dict.fromkeys(("payment_credited", "confirm_cash"), {"sent": "paid"}),
    **dict.fromkeys(("cash_handed", "object_to_cash"), {"sent": "sent"}),
    "pay_from_imprest": {"held": "paid"},
    "check_instalment": {"held": "held"},
    **dict.fromkeys(("stop_payments", "end_payments"), {"held": "paid"}),
    "payment_clawed_back": {
        **{"paid": "held", "held": "held"},
        **{money: money for money in ("listed", "checked", "sent")},  # a later part, which goes on meanwhile
    },
    "reclaim": {"paid": "paid"},
    "record_recovery": {"paid": "paid"},
    "payment_bounced": {"sent": "held"},
    "payment_unknown": {"sent": "sent"},
    "withdraw": {"none": "none", "held": "none", "paid": "paid"},
    "send_back": {"none": "none", "held": "none"},
    "finish_recovery": {"paid": "none"},
}


def _follow(spec: Spec, here: Situation, edge: Edge) -> Iterator[Situation]:
    """Every situation that the action may lead to; none when it is refused here."""
    action = edge.action
    if spec.has_money and action in _MONEY and here.money not in _MONEY[action]:
        return
    for ready in _prepared(spec, here, action):
        try:
            state = spec.target(here.state, action, tier=ready.tier, return_to=ready.return_to, outcome=ready.outcome)
        except NoSuchEdge:
            continue
        yield _arrived(spec, replace(ready, state=state), action)


def _prepared(spec: Spec, here: Situation, action: str) -> Iterator[Situation]:
    """The facts as the action leaves them, before the way is chosen by them."""
    if action in _VOIDS:
        here = replace(here, signed=frozenset())
    if action in _SIGNS:
        here = replace(here, signed=here.signed | {action})
    if action == "emergency_release":
        here = replace(here, tier="T0", signed=frozenset({action}))
    if action in ("village_return", "return", "uphold_objection"):
        later = action == "return" and here.published
        here = replace(here, return_to="township_review" if later else _first_stop(spec))
    if action == "list_payment":
        here = replace(here, return_to=here.state)
    if action in ("submit", "resubmit") and spec.has_money and here.tier != "T0":
        choices: Iterable[Situation] = [replace(here, tier=tier) for tier in ("T1", "T2", "T3")]
    elif action in ("payment_credited", "confirm_cash"):
        choices = [replace(here, outcome=outcome) for outcome in _after_payment(here)]
    elif action == "unlist_payment":
        choices = [replace(here, outcome=outcome) for outcome in _after_unlisting(here)]
    elif action == "payment_clawed_back" and here.state not in ("in_payment", "payment_returned"):
        choices = [replace(here, return_to=origin) for origin in _was_paid_from(here)]
    else:
        choices = [here]
    for ready in choices:
        yield ready
        if action == "resubmit" and ready.published and ready.return_to == "township_review":
            yield replace(ready, return_to="village_review")  # what was published has changed


def _after_payment(here: Situation) -> tuple[str, ...]:
    if here.tier == "T0":
        return ("paid",) if here.ratified else ("makeup",)
    return ("paid", "between_payments")


def _after_unlisting(here: Situation) -> tuple[str, ...]:
    """Where it was listed from; a part may also have come back before."""
    return (here.return_to, "payment_returned") if here.return_to == "between_payments" else (here.return_to,)


def _was_paid_from(here: Situation) -> tuple[str, ...]:
    """What comes back may be the whole of the help, or one part of it; an emergency is never decided anew."""
    if here.tier == "T0" or here.state in ("between_payments", "suspended"):
        return ("between_payments",)
    return ("fund_reserved", "between_payments")


def _first_stop(spec: Spec) -> str:
    try:
        return spec.target("registered", "submit")
    except NoSuchEdge:
        return ""


def _arrived(spec: Spec, there: Situation, action: str) -> Situation:
    """What follows from the action in the new state."""
    there = replace(there, outcome="")
    if action in ("endorse", "dismiss_objection"):
        there = replace(there, published=True, noticed=False)
    elif action == "end_notice":
        there = replace(there, noticed=True)
    elif action == "object" or (action == "resubmit" and there.state == "village_review"):
        there = replace(there, noticed=False)
    if not spec.has_money:
        return there
    if action in _MONEY and there.money in _MONEY[action]:
        there = replace(there, money=_MONEY[action][there.money])
        if there.state == "between_payments" and there.money == "paid":
            there = replace(there, money="held")  # the next part
    elif action == "emergency_release" or (action in _SIGNS and there.state == "fund_reserved"):
        there = replace(there, money="held")
    if action == "approve" and there.tier == "T0":
        there = replace(there, ratified=True)
    elif action == "send_back" and there.tier == "T0":
        there = replace(there, tier="")
    elif action == "finish_recovery":
        there = replace(there, recovered=True)
    return there


# --- exploring -------------------------------------------------------------------------------------------------------


class _Space:
    """Every situation that can be reached, in the order of distance, with the moves from each."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        start = Situation(spec.initial)
        self.moves: dict[Situation, list[tuple[Edge, Situation]]] = {}
        self._came: dict[Situation, tuple[Situation, Edge]] = {}
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            if here in self.moves:
                continue
            self.moves[here] = [(edge, to) for edge in spec.actions(here.state) for to in _follow(spec, here, edge)]
            for edge, there in self.moves[here]:
                if there not in self.moves:
                    self._came.setdefault(there, (here, edge))
                    waiting.append(there)
        self.start = start

    def path(self, to: Situation, *more: str) -> str:
        """The shortest way to a situation in words, and what would come next."""
        steps: list[str] = []
        while to != self.start:
            before, edge = self._came[to]
            steps = [f"-{edge.action}->", _named(to), *steps]
            to = before
        return " ".join([self.start.state, *steps, *more])

    def is_end(self, here: Situation) -> bool:
        return here.state in self.spec.ends

    def stuck(self, without: frozenset[str] = frozenset()) -> list[Situation]:
        """Situations from which no end can be reached, nearest first, when the actions `without` never happen, nor what
        is no way out."""
        back: dict[Situation, list[Situation]] = {}
        for here, moves in self.moves.items():
            for edge, there in moves:
                if edge.action not in without and edge.action not in NO_WAY_OUT:
                    back.setdefault(there, []).append(here)
        saved = {here for here in self.moves if self.is_end(here)}
        waiting = deque(saved)
        while waiting:
            for before in back.get(waiting.popleft(), ()):
                if before not in saved:
                    saved.add(before)
                    waiting.append(before)
        return [here for here in self.moves if here not in saved]


def _named(here: Situation) -> str:
    return f"{here.state}[{here.tier}]" if here.tier else here.state


# --- the promises ----------------------------------------------------------------------------------------------------


def _spelling(spec: Spec) -> Iterator[Fault]:
    for wrong in check_words(spec):
        yield Fault("words", f"nobody has defined the {wrong}")
    seen: set[tuple[str, str]] = set()
    for edge in spec.edges:
        if (edge.source, edge.action) in seen:
            yield Fault("words", "an edge is written twice", f"{edge.source} -{edge.action}->")
        seen.add((edge.source, edge.action))
    if spec.initial not in spec.states:
        yield Fault("words", f"nothing begins in {spec.initial}")


def _every_action_has_a_role(space: _Space) -> Iterator[Fault]:
    for edge in space.spec.edges:
        for role in edge.roles:
            if role not in ROLES and role not in (ROLE_SYSTEM, ROLE_ANYONE):
                yield Fault("roles", f"there is no role {role!r}", f"{edge.source} -{edge.action}->")


def _one_main_action(space: _Space) -> Iterator[Fault]:
    """It says whose turn it is."""
    spec = space.spec
    for state in spec.states:
        mains = [edge.action for edge in spec.actions(state) if edge.is_main]
        wanted = 0 if state in spec.ends else 1
        if len(mains) != wanted:
            found = ", ".join(mains) or "none"
            yield Fault("turn", f"{state} needs {wanted} main action{'s' * (not wanted)}, not {found}")


def _every_state_is_reached(space: _Space) -> Iterator[Fault]:
    reached = {here.state for here in space.moves}
    for state in space.spec.states:
        if state not in reached:
            yield Fault("reachable", f"no case ever comes to {state}")
    taken = {(edge.source, edge.action) for moves in space.moves.values() for edge, _there in moves}
    for edge in space.spec.edges:
        if edge.source in reached and (edge.source, edge.action) not in taken:
            yield Fault("reachable", "this action can never be taken", f"{edge.source} -{edge.action}->")


def _every_choice_is_complete(space: _Space) -> Iterator[Fault]:
    """An action meant to be impossible says NEVER; a key that is simply missing is a mistake."""
    told = set()
    for here in space.moves:
        for edge in space.spec.actions(here.state):
            if not isinstance(edge.target, Choice):
                continue
            for ready in _prepared(space.spec, here, edge.action):
                fact = getattr(ready, edge.target.fact)
                if fact not in edge.target.targets and (edge, fact) not in told:
                    told.add((edge, fact))
                    message = f"{edge.action} does not say where it leads when {edge.target.fact} is {fact or 'unset'}"
                    yield Fault("choice", message, space.path(here, f"-{edge.action}->", "?"))


def _an_end_is_near(space: _Space) -> Iterator[Fault]:
    dead = space.stuck()
    if dead:
        yield Fault("ends", "no end can be reached", space.path(dead[0]))
        return
    for actions, when in NOT_OURS.items():
        dead = space.stuck(without=actions)
        if dead:
            yield Fault("ends", f"no end can be reached when {when}", space.path(dead[0]))


def _money_needs_signatures(space: _Space) -> Iterator[Fault]:
    for here, edge in _moves_of(space, PAYS):
        if not any(signatures <= here.signed for signatures in FINAL.get(here.tier, ())):
            path = space.path(here, f"-{edge.action}->")
            yield Fault("approval", f"a payment leaves without the final approval of {here.tier or 'any tier'}", path)
            return


def _money_needs_a_notice(space: _Space) -> Iterator[Fault]:
    for here, edge in _moves_of(space, PAYS):
        if here.tier != "T0" and not here.noticed:
            path = space.path(here, f"-{edge.action}->")
            yield Fault("notice", "a payment leaves although no notice in the village has run its time", path)
            return


def _money_is_there_to_list(space: _Space) -> Iterator[Fault]:
    for here in space.moves:
        for edge in space.spec.actions(here.state):
            if edge.action in ("list_payment", "reissue", "pay_from_imprest") and here.money != "held":
                path = space.path(here, f"-{edge.action}->")
                yield Fault("money", f"a payment is listed while the money is {here.money}", path)
                return


def _ends_leave_no_money_behind(space: _Space) -> Iterator[Fault]:
    for here in space.moves:
        if space.is_end(here) and here.money not in (("none", "paid") if here.state == "closed" else ("none",)):
            yield Fault("money", f"a case ends in {here.state} while the money is {here.money}", space.path(here))
            return


def _emergencies_are_ratified_or_recovered(space: _Space) -> Iterator[Fault]:
    for here in space.moves:
        if space.is_end(here) and here.tier == "T0" and not (here.ratified or here.recovered):
            yield Fault("emergency", "an emergency ends neither ratified nor recovered", space.path(here))
            return


def _work_on_the_way_to_money_is_a_duty(space: _Space) -> Iterator[Fault]:
    to_money = _leads_to(space, PAYS if space.spec.has_money else frozenset({"approve_exit"}))
    for edge in space.spec.edges:
        by_people = not set(edge.roles) & {ROLE_SYSTEM, ROLE_ANYONE}
        if edge in to_money and by_people and not edge.duty and edge.action not in NO_DUTY:
            yield Fault("duties", "work on the way to payment without a duty", to_money[edge])


def _nobody_does_two_things(space: _Space) -> Iterator[Fault]:
    """One person who holds every role, guarded only by "one person, one duty", tries to do two kinds of work in one case."""
    start = (space.start, "", "")
    came: dict[tuple, tuple[tuple, Edge, bool]] = {}
    waiting, seen = deque([start]), {start}
    while waiting:
        at = waiting.popleft()
        here, duty, work = at
        for edge, there in space.moves[here]:
            for herself in (False, True):
                new_duty, new_work = duty, work
                if herself:
                    kind = WORK.get(edge.action, "")
                    if not kind or (edge.duty and duty and edge.duty != duty):
                        continue
                    if work and kind != work:
                        came[there, "!", ""] = (at, edge, True)
                        path = _with_her(came, (there, "!", ""), start)
                        yield Fault("duties", f"one person does both {work} and {kind}", path)
                        return
                    new_duty, new_work = duty or edge.duty, kind
                then = (there, new_duty, new_work)
                if then not in seen:
                    seen.add(then)
                    came[then] = (at, edge, herself)
                    waiting.append(then)


def _with_her(came: dict, at: tuple, start: tuple) -> str:
    steps: list[str] = []
    while at != start:
        before, edge, herself = came[at]
        steps = [f"-{edge.action}{' (she)' if herself else ''}->", _named(at[0]), *steps]
        at = before
    return " ".join([start[0].state, *steps])


def _moves_of(space: _Space, actions: frozenset[str]) -> Iterator[tuple[Situation, Edge]]:
    for here, moves in space.moves.items():
        for edge in dict.fromkeys(edge for edge, _there in moves if edge.action in actions):
            yield here, edge


def _leads_to(space: _Space, actions: frozenset[str]) -> dict[Edge, str]:
    """{edge that is taken on some way to one of `actions`: the shortest way there}"""
    back: dict[Situation, list[Situation]] = {}
    for here, moves in space.moves.items():
        for _edge, there in moves:
            back.setdefault(there, []).append(here)
    towards = {here for here, _edge in _moves_of(space, actions)}
    waiting = deque(towards)
    while waiting:
        for before in back.get(waiting.popleft(), ()):
            if before not in towards:
                towards.add(before)
                waiting.append(before)
    found: dict[Edge, str] = {}
    for here, moves in space.moves.items():
        for edge, there in moves:
            if edge not in found and (there in towards or edge.action in actions):
                found[edge] = space.path(here, f"-{edge.action}->")
    return found


_PROMISES: tuple[Callable[[_Space], Iterator[Fault]], ...] = (
    _every_action_has_a_role,
    _one_main_action,
    _every_state_is_reached,
    _every_choice_is_complete,
    _an_end_is_near,
    _money_needs_signatures,
    _money_needs_a_notice,
    _money_is_there_to_list,
    _ends_leave_no_money_behind,
    _emergencies_are_ratified_or_recovered,
    _work_on_the_way_to_money_is_a_duty,
    _nobody_does_two_things,
)


# --- how many people -------------------------------------------------------------------------------------------------


def fewest_persons(space: "_Space | Spec") -> dict[str, int]:
    """{tier: natural persons without whom no case of that tier comes to `paid`}, when everybody holds every role.

    Cheapest-first search; each duty costs the person who holds it, a survey and cash two. For T0 it counts the makeup as well.
    """
    space = space if isinstance(space, _Space) else _Space(space)
    found: dict[str, int] = {}
    order = 0  # keeps the heap from comparing situations
    heap: list[tuple[int, int, Situation, frozenset[str]]] = [(0, 0, space.start, frozenset())]
    seen = set()
    tiers = {here.tier for here in space.moves if here.state == "paid"}
    while heap and set(found) != tiers:
        cost, _order, here, held = heapq.heappop(heap)
        if (here, held) in seen:
            continue
        seen.add((here, held))
        if here.state == "paid":
            found.setdefault(here.tier, max(cost, 1))
            continue
        for edge, there in space.moves[here]:
            now = held | ({edge.duty} if edge.duty else set())
            now |= {TWO_PEOPLE[edge.action]} if edge.action in TWO_PEOPLE else set()
            if (there, now) not in seen:
                order += 1
                heapq.heappush(heap, (len(now), order, there, now))
    return dict(sorted(found.items()))
