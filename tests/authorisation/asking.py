"""One cell: somebody asks an address, and what came of it is held against the oracle."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.urls import reverse

from access.models import Grant, OrgUnit, Staff
from casework.models import Case
from families.models import Household
from tests.authorisation.directly import directly
from tests.authorisation.filling import as_sent, filled, form_to
from tests.authorisation.given import GIVEN, QUERY, WHERE
from tests.authorisation.oracle import FORBIDDEN, NO, SIGN_IN, YES, Act, Rule, addresses, oracle
from tests.authorisation.places import (
    CIRCUMSTANCES,
    WITHOUT_A_DESK,
    Person,
    Places,
    all_units,
    crew,
    everybody,
    grant_sight,
    turned_away,
)
from tests.authorisation.records import CANARIES, Parts, Records, elsewhere
from tests.casework.placing import LAWS
from tests.owner import put_back
from tests.world import World

LISTS = ("list", "search", "export")
ABSENT = 987_654_321
NOT_CHOSEN = ("csrfmiddlewaretoken", "key")
# What changes from one answer to the next though nothing else does.
CHANGING = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|web:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}|nonce="[^"]*"'
)


@dataclass
class Outcome:
    status: int
    body: str
    location: str
    wrote: bool

    @property
    def is_sign_in(self) -> bool:
        return self.status == 302 and self.location.startswith(reverse("login"))


@dataclass
class Cell:
    """What was asked, what the oracle says, and what is wrong with the answer ("" when nothing is)."""

    url: str
    method: str
    person: Person
    expected: str
    outcome: Outcome
    fault: str = ""
    is_leak: bool = False

    def __str__(self) -> str:
        kind = "LEAK" if self.is_leak else "FALSE DENIAL"
        return f"{kind} {self.method} {self.url} by {self.person}: {self.expected} expected, {self.fault}"


@dataclass
class Matrix:
    places: Places
    at: dict[str, Parts]
    sent: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "Matrix":
        """The two counties on top of the small world that tests.world has built."""
        units = all_units()
        groups = {village.pk: village.children.first() for village in OrgUnit.objects.filter(level="village")}
        world.groups.update(groups)
        places = Places(units, everybody(units, world))
        places.people.append(Person("township_clerk", "keeper", world.township_clerk, units["T1"]))
        places.crews = {village: crew(world, units, village) for village in ("V1", "V2", "V3", "V5")}
        records = Records(places)
        at = records.everything()
        elsewhere(places)
        case = Case.objects.get(pk=at["case_registered"]["pk"])
        grant_sight(places.people, world, case, case.household)
        at["grant"] = {"pk": Grant.objects.earliest("pk").pk}
        turned_away(
            places.people,
            world,
            list(Household.objects.filter(village=units["V1"]).values_list("household_no", flat=True)),
        )
        for person in places.people:
            _ = person.client
        put_back("casework_case", *LAWS)  # some cases were put into their states past them
        return cls(places, at)

    # ------------------------------------------------------------------ who

    @cached_property
    def people(self) -> list[Person]:
        return [person for person in self.places.people if person.relation != "keeper"]

    @cached_property
    def keeper(self) -> Person:
        return self.places.person("township_clerk", "keeper")

    @cached_property
    def second_payer(self) -> int:
        """Who brings cash along with whomever: nobody whom the cells ask."""
        return Staff.objects.get(username="township_clerk.principal").pk

    def asked_about(self, rule: Rule) -> list[Person]:
        return [*self.people, self.keeper] if "township_clerk keeper" in rule.extra else self.people

    def sample(self, rule: Rule, method: str) -> list[Person]:
        """Whom a push asks. Each role here; from everywhere whoever has business there and must be refused, and, where the answer
        is a list, which must not name what lies elsewhere, whoever may; the rest by turns, another for each address."""
        if rule.kind == "public":
            return [person for person in self.people if person.relation in ("anonymous", "no_post")]
        turn, business, chosen, seen = sum(map(ord, rule.url)), rule.yes | rule.see, [], set()
        for person in self.asked_about(rule):
            if person.relation == "deactivated" or person.role in WITHOUT_A_DESK:
                continue
            may = rule.answer(person, method) == YES
            first = (person.role, may) not in seen
            seen.add((person.role, may))
            if first or (
                rule.kind in LISTS and person.relation not in CIRCUMSTANCES if may else person.role in business
            ):
                chosen.append(person)
        closed = [person for person in self.people if person.relation == "deactivated"]
        outside = [person for person in self.people if person.role in WITHOUT_A_DESK]
        return [*chosen, closed[turn % len(closed)], outside[turn % len(outside)]]

    def first_who_may(self, rule: Rule, method: str) -> Person | None:
        relations = {"here": 0, "keeper": 0, "delegate": 1}
        may = [person for person in self.asked_about(rule) if rule.answer(person, method) == YES]
        return min(may, key=lambda person: relations.get(person.relation, 2), default=None)

    def may_see(self, person: Person) -> frozenset[str]:
        """The villages whose families' names she may read (domain §4.4, "name")."""
        return _may_see(person.role, person.relation, oracle().case_sees, self.places)

    # ------------------------------------------------------------------ asking

    def path(self, rule: Rule, parts: Parts | None = None) -> str:
        pattern = addresses()[rule.url].pattern
        given = self.at[rule.record] if parts is None else parts
        return reverse(
            rule.url,
            kwargs={name: given[name] for name in _parts_of(pattern) if name in given} | _renamed(pattern, given),
        )

    def absent_path(self, rule: Rule) -> str:
        given = dict(self.at[rule.record])
        name = next((name for name in given if isinstance(given[name], int) and name not in ("year", "month")), "")
        return self.path(rule, given | {name: ABSENT})

    def ask(
        self, person: Person, path: str, method: str, data: dict[str, Any] | None = None, *, quick: bool = False
    ) -> Outcome:
        """Ask, look, and undo. `quick` goes to the view itself, past sessions and the pages of errors: a third of the time."""
        before, cookies = self.untouched if method == "POST" else None, dict(person.client.cookies)
        point = transaction.savepoint()
        try:
            if quick and person.is_let_in:
                answer = directly(person.staff, path, method, as_sent(data or {}))
            elif method == "POST":
                answer = person.client.post(path, as_sent(data or {}))
            else:
                answer = person.client.get(path, data or {})
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            broken = connection.needs_rollback
            wrote = before is not None and not broken and _traces() != before
        finally:
            transaction.savepoint_rollback(point)
            connection.needs_rollback = False
            person.client.cookies.clear()  # a message that waits there would stand on the page that the next cell reads
            person.client.cookies.update(cookies)
        return Outcome(answer.status_code, body.decode(errors="ignore"), answer.get("Location", ""), wrote)

    @cached_property
    def untouched(self) -> tuple[Any, ...]:
        """The traces of the world as it was built, to which each cell goes back."""
        return _traces()

    def data_for(self, rule: Rule, method: str, person: Person | None = None) -> dict[str, Any]:
        """What is sent there: the page's own form, filled in by the first who may; by herself, where she works elsewhere and may
        as well: what she may choose lies there."""
        first = self.first_who_may(rule, method)
        if method == "GET":
            return self._spoken(QUERY.get(rule.url, {}), first)
        fills_in = person if person and first and self._chooses_elsewhere(rule, person, first) else first
        key = (rule.url, str(fills_in))
        if key not in self.sent:
            self.sent[key] = self._filled_in(rule, fills_in)
        return self.sent[key]

    def _chooses_elsewhere(self, rule: Rule, person: Person, first: Person) -> bool:
        return not rule.lies and person.unit != first.unit and rule.answer(person, "POST") == YES

    def _filled_in(self, rule: Rule, who: Person | None) -> dict[str, Any]:
        given, path = self._spoken(GIVEN.get(rule.url, {}), who), self.path(rule)
        page = self._where(rule) if rule.url in WHERE else path
        if who is None or page is None:
            return given
        shown = self.ask(who, page, "GET")
        form = form_to(shown.body, path, shown_at=page.partition("?")[0])
        return filled(form, given) if form is not None else given

    def _where(self, rule: Rule) -> str | None:
        """The page on which the form stands, where that is not its own address."""
        page = WHERE[rule.url]
        return page and self.path(oracle().rules[page], self.at[rule.record])

    def _spoken(self, given: dict[str, Any], who: Person | None) -> dict[str, Any]:
        return {
            name: value(self, who) if callable(value) and getattr(value, "__name__", "") == "<lambda>" else value
            for name, value in given.items()
        }

    def foreign_cells(self, rule: Rule, person: Person) -> list[Cell]:
        """Her sending what the first who may would choose here; none where that is hers as well, or she chooses the same."""
        first = self.first_who_may(rule, "POST")
        if first is None or not self._chooses_elsewhere(rule, person, first) or _lies_under(person.unit, first.unit):
            return []
        own, foreign = self.data_for(rule, "POST", person), self.data_for(rule, "POST")
        if all(own.get(name) == value for name, value in foreign.items() if name not in NOT_CHOSEN):
            return []
        cell = Cell(rule.url, "POST", person, FORBIDDEN, self.ask(person, self.path(rule), "POST", foreign))
        self.judge(cell, self.path(rule))
        return [cell]

    # ------------------------------------------------------------------ judging

    def cell(self, rule: Rule, person: Person, method: str, *, quick: bool = False) -> Cell:
        """`quick` asks the view itself, and compares with what is absent only where nothing but the place keeps her out."""
        expected = rule.answer(person, method)
        path, data = self.path(rule), self.data_for(rule, method, person)
        cell = Cell(rule.url, method, person, expected, self.ask(person, path, method, data, quick=quick))
        absent = None
        compared = not quick or person.relation == "other_county" and person.role in rule.yes | rule.see
        if expected == NO and rule.lies and compared and cell.outcome.status in (403, 404):
            if quick:
                cell.outcome = self.ask(person, path, method, data)
            absent = self.ask(person, self.absent_path(rule), method, data)
        self.judge(cell, path, absent, self.absent_path(rule) if absent else "")
        return cell

    def judge(self, cell: Cell, path: str, absent: Outcome | None = None, absent_path: str = "") -> None:
        cell.fault, cell.is_leak = _fault(cell)
        if not cell.fault and absent is not None and not _same(cell.outcome, path, absent, absent_path):
            cell.fault, cell.is_leak = (
                f"{cell.outcome.status} where what does not exist gives {absent.status}, or other words",
                True,
            )
        seen = self.canaries_seen(cell)
        if not cell.fault and seen:
            cell.fault, cell.is_leak = f"the page names a family of {', '.join(seen)}", True

    def canaries_seen(self, cell: Cell) -> list[str]:
        allowed = self.may_see(cell.person)
        return [village for village, name in CANARIES.items() if village not in allowed and name in cell.outcome.body]

    # ------------------------------------------------------------------ acts

    def act_cell(self, act: Act, person: Person, *, quick: bool = False) -> Cell:
        rule, path = self.rule_of(act), self.act_path(act)
        expected = rule.answer(person, "POST")
        outcome = self.ask(person, path, "POST", self.act_data(act), quick=quick)
        cell = Cell(f"cases:act {act.state} {act.action}", "POST", person, expected, outcome)
        self.judge(cell, path)
        return cell

    def act_data(self, act: Act) -> dict[str, Any]:
        """What is sent with the act: its own form, filled in by the first who may."""
        path = self.act_path(act)
        if (path, "POST") not in self.sent:
            who = self.first_who_may(self.rule_of(act), "POST")
            form = form_to(self.ask(who, path, "GET").body, path, shown_at=path)
            given = self._spoken(GIVEN.get(f"cases:act {act.action}", {}), who)
            self.sent[path, "POST"] = filled(form, given) if form is not None else given
        return self.sent[path, "POST"]

    def act_path(self, act: Act, state: str = "") -> str:
        return reverse("cases:act", args=[self.at[f"case_{state or act.state}"]["pk"], act.action])

    def rule_of(self, act: Act) -> Rule:
        return Rule(
            "cases:act", "act", f"case_{act.state}", "village", act.roles, oracle().case_sees, NO, recused=FORBIDDEN
        )


def _parts_of(pattern: Any) -> list[str]:
    regex = getattr(pattern, "regex", None)
    return list(pattern.converters) or (list(regex.groupindex) if regex is not None else [])


def _lies_under(above: OrgUnit | None, unit: OrgUnit | None) -> bool:
    return above is not None and unit is not None and getattr(unit, f"{above.level}_id") == above.pk


def _renamed(pattern: Any, given: Parts) -> Parts:
    """A record keeps its case as `pk`; the township's addresses call it case_id, and the other way round."""
    names = _parts_of(pattern)
    case = given.get("pk", given.get("case_id"))
    return {name: case for name in ("pk", "case_id") if name in names and name not in given and case is not None}


def _fault(cell: Cell) -> tuple[str, bool]:
    """(what is wrong, whether it is a leak). A leak is more than the oracle allows, a false denial less."""
    got, expected = cell.outcome, cell.expected
    if got.status >= 500:
        return f"it crashed with {got.status}", True
    if expected == SIGN_IN:
        return ("", False) if got.is_sign_in and not got.wrote else (f"answered {got.status}", True)
    if got.is_sign_in:
        return "led to the login", False
    if expected == YES:
        return _not_done(cell)
    if got.wrote:
        return f"it was done ({got.status})", True
    if expected == NO:
        return ("", False) if got.status in (403, 404) else (f"answered {got.status}", True)
    if got.status == 404:
        return "answered 404 instead of saying why", False
    shows_the_form = cell.url in oracle().rules and oracle().rules[cell.url].kind == "form"
    if cell.method == "GET" and got.status not in (403, 302) and not shows_the_form:
        return f"answered {got.status}", True
    return "", False


def _not_done(cell: Cell) -> tuple[str, bool]:
    got = cell.outcome
    if got.status in (400, 403, 404, 405, 409, 422):
        return f"answered {got.status}: {_said(got.body)}", False
    if cell.method == "POST" and not got.wrote:
        return f"answered {got.status}, and nothing was written: {_said(got.body) or got.location}", False
    return "", False


def _said(body: str) -> str:
    """The words of a refusal, for whoever reads the failure."""
    errors = re.findall(r'(?s)class="[^"]*(?:error|alert|banner|note)[^"]*"[^>]*>(.*?)</(?:p|div|ul|li|section)>', body)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(errors) or re.sub(r"(?s)^.*<main[^>]*>", "", body)))
    return text.strip()[:160]


def _same(one: Outcome, path: str, other: Outcome, other_path: str) -> bool:
    return one.status == other.status and _plain(one, path) == _plain(other, other_path)


def _plain(outcome: Outcome, path: str) -> str:
    return CHANGING.sub("", outcome.body.replace(path, "/PATH/"))


def _traces() -> tuple[Any, ...]:
    """What every change of ours leaves: an entry of the chain, a job, an unfinished survey."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT max(id) FROM audit_entry),"
            " (SELECT string_agg(concat_ws('|', id, state, cancel_requested, result_file, result), ',' ORDER BY id) FROM jobs_job),"
            " (SELECT string_agg(concat_ws('|', id, answers), ',' ORDER BY id) FROM casework_surveydraft)"
        )
        return cursor.fetchone()


def _may_see(role: str, relation: str, sees: frozenset[str], places: Places) -> frozenset[str]:
    person = next(one for one in places.people if (one.role, one.relation) == (role, relation))
    if relation == "granted":
        return frozenset({"V1"})
    if person.unit is None or relation == "deactivated" or role not in sees | {"storekeeper", "association_officer"}:
        return frozenset()
    column = f"{person.unit.level}_id"
    return frozenset(village for village in CANARIES if getattr(places.units[village], column, None) == person.unit.pk)
