"""The oracle: tests/authorisation.yaml, read and checked, and what it says of one person at one address.

Four answers: `yes`; `no`, the same answer as for what does not exist; `forbidden`, she sees it but it is not hers to do, and
reads why; `sign_in`. The file explains its words at its head.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.urls import URLPattern, URLResolver, get_resolver

from access.roles import ROLES
from tests.authorisation.places import Person

FILE = Path(__file__).resolve().parent.parent / "authorisation.yaml"

YES, NO, FORBIDDEN, SIGN_IN = ANSWERS = ("yes", "no", "forbidden", "sign_in")
KINDS = ("page", "list", "search", "count", "form", "act", "file", "export", "reveal", "public", "acts", "elsewhere")
METHODS = {"act": ("POST",), "form": ("GET", "POST"), "reveal": ("GET", "POST"), "elsewhere": ()}  # else GET
WORDS = ("is", "on", "yes", "see", "get", "else", "own", "recused", "methods", "but")

# Of what lies in the first village, its township or its county: which relations of a post reach it.
REACH = {
    "village": {"village": ("here",), "township": ("here",), "county": ("here",)},
    "township": {"village": (), "township": ("here",), "county": ("here",)},
    "county": {"village": (), "township": (), "county": ("here",)},
}
# The roles without a level of their own, by where they are tried (see places.ANY_LEVEL).
REACH_ANY = {
    "village": {"storekeeper": ("here", "above", "below"), "sysadmin": ("here", "above", "below")},
    "township": {"storekeeper": ("here", "above"), "sysadmin": ("here", "above", "below")},
    "county": {"storekeeper": ("above",), "sysadmin": ("here", "above")},
}
CIRCUMSTANCES = ("delegate", "recused")  # of somebody here


class BadOracle(Exception):
    """authorisation.yaml does not say what it must, or says what cannot be."""


@dataclass(frozen=True)
class Rule:
    """What the file says about one address."""

    url: str
    kind: str
    record: str
    lies: str  # level of the unit in which the record lies; "" for pages about no record
    yes: frozenset[str]
    see: frozenset[str]  # who may see it, and reads why she may not do it
    otherwise: str  # for everybody else who is signed in
    own: str = ""  # only this one person's: "cashier here"
    recused: str = ""  # for relatives of the family
    get: frozenset[str] | None = None  # who may look, where that differs from who may do
    methods: tuple[str, ...] = ("GET",)
    anonymous: str = SIGN_IN
    extra: dict[str, str] = field(default_factory=dict, hash=False)

    def answer(self, person: Person, method: str) -> str:
        if self.kind == "public":
            return YES
        if person.relation in ("anonymous", "deactivated"):
            return SIGN_IN
        exact = self.extra.get(f"{person.role} {person.relation}".strip())
        if exact:
            return exact
        if self.own:
            return YES if self.own == f"{person.role} {person.relation}" else self.otherwise
        if "everybody" in self.yes:
            return YES
        if not self.reaches(person):
            return self.otherwise
        may = self.yes if method == "POST" or self.get is None else self.get
        if person.role in may:
            return self.recused if person.relation == "recused" and self.recused and method == "POST" else YES
        return FORBIDDEN if person.role in self.see | self.yes else self.otherwise

    def reaches(self, person: Person) -> bool:
        if not person.role:
            return False
        if not self.lies:
            return True
        relations = REACH_ANY[self.lies].get(person.role)
        if relations is None:
            level = ROLES[person.role].level
            relations = REACH[self.lies].get(level.value if level else "", ())
        if person.relation in CIRCUMSTANCES:
            return "here" in relations
        return person.relation in relations


@dataclass(frozen=True)
class Act:
    """One act on a case in one state: who takes it (domain §4.2)."""

    state: str
    action: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Oracle:
    rules: dict[str, Rule]
    acts: list[Act]
    case_sees: frozenset[str]
    groups: dict[str, frozenset[str]]
    records: dict[str, str]
    ended: frozenset[str]  # the records of cases that are changed no more


@cache
def oracle() -> Oracle:
    # BaseLoader: words stay words, else yes, no and on would be truth values.
    return read(yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def read(text: dict[str, Any]) -> Oracle:
    """Raises BadOracle: a role, group, kind, record or answer that there is not; a word that means nothing."""
    groups = {name: _roles(names, {}, f"groups.{name}") for name, names in text["groups"].items()}
    records = text["records"]
    for name, lies in records.items():
        if lies not in ("village", "township", "county", "nowhere"):
            raise BadOracle(f"records.{name}: {lies!r} is none of village, township, county, nowhere")
    rules = {url: _rule(url, said, groups, records) for url, said in text["urls"].items()}
    acts = [
        Act(state, action, _roles(who, groups, f"acts.{state}.{action}"))
        for state, actions in text["acts"].items()
        for action, who in actions.items()
    ]
    ended = frozenset(text["ended"])
    if ended - set(records):
        raise BadOracle(f"ended: {', '.join(sorted(ended - set(records)))}: not among the records of this file")
    return Oracle(rules, acts, groups["sees_cases"], groups, records, ended)


def _rule(url: str, said: dict[str, Any], groups: dict[str, frozenset[str]], records: dict[str, str]) -> Rule:
    for word in said:
        if word not in WORDS:
            raise BadOracle(f"{url}: {word!r} means nothing here")
    kind, record = said.get("is"), said.get("on", "nothing")
    if kind not in KINDS:
        raise BadOracle(f"{url}: is: {kind!r} is none of {', '.join(KINDS)}")
    if record not in records:
        raise BadOracle(f"{url}: on: {record!r} is not among the records of this file")
    lies = "" if records[record] == "nowhere" else records[record]
    otherwise = said.get("else", NO)
    extra = dict(said.get("but", {}))
    for answer in (otherwise, *extra.values(), said.get("recused", YES)):
        if answer not in ANSWERS:
            raise BadOracle(f"{url}: {answer!r} is none of {', '.join(ANSWERS)}")
    default = METHODS.get(kind, ("GET",))
    return Rule(
        url,
        kind,
        record,
        lies,
        yes=_roles(said.get("yes", []), groups, url),
        see=_roles(said.get("see", []), groups, url),
        otherwise=otherwise,
        own=said.get("own", ""),
        recused=said.get("recused", ""),
        get=_roles(said["get"], groups, url) if "get" in said else None,
        methods=tuple(said.get("methods", default)),
        extra=extra,
    )


def _roles(names: Any, groups: dict[str, frozenset[str]], where: str) -> frozenset[str]:
    """Roles named singly or by group."""
    found: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        if name in groups:
            found |= groups[name]
        elif name in ROLES or name in ("everybody", "system", "anyone"):
            found.add(name)
        else:
            raise BadOracle(f"{where}: {name!r} is neither a role nor a group")
    return frozenset(found)


def addresses() -> dict[str, URLPattern]:
    """{name of an address with its namespaces: its pattern}, whatever is reachable, an admin site included."""
    found: dict[str, URLPattern] = {}
    _walk(get_resolver(), "", found)
    return found


def _walk(resolver: URLResolver, prefix: str, found: dict[str, URLPattern]) -> None:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            _walk(pattern, f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix, found)
        else:
            found[f"{prefix}{pattern.name}" if pattern.name else f"no name: {pattern.pattern}"] = pattern
