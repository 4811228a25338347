"""One request: what is sent follows from its seed alone. What came of it is held against four promises: no answer of 5xx,
nothing written where it was refused, no connection left broken, and what was done can be committed.

A seed names its address, so that it stays the same request when other addresses come and go:

    proper:POST:0@funds:check    as a person would, who may: the record that is there, the form as the page shows it
    push:7@funds:check          something about it is odd
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import SimpleCookie
from random import Random
from typing import Any
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test.client import MULTIPART_CONTENT, encode_multipart
from django.urls.converters import IntConverter

from tests.authorisation.asking import Matrix
from tests.authorisation.filling import as_sent, forms_of
from tests.authorisation.oracle import YES, Act, Rule, addresses, oracle
from tests.authorisation.places import Person
from tests.fuzz import nasty
from tests.fuzz.traces import Traces, is_broken, why_not_committed

PROPER = "proper:"
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
BODILESS = ("GET", "HEAD", "OPTIONS")
# What a refusal may leave: that somebody was here, how often, and where she is signed in.
MAY_BE_LEFT = ("django_session", "access_rate", "access_signin")
# The form that comes back shows the key of a telephone that waits to be bound; where none waits, one is begun.
BEGUN = {"account:factor": ("access_secondfactor", "access_historicalsecondfactor", "audit_due", "audit_entry")}


@dataclass(frozen=True)
class Asked:
    seed: str
    url: str
    method: str
    person: Person
    path: str
    is_usual: bool  # the path names what is there
    may: bool
    status: int
    fault: str = ""

    @property
    def is_served(self) -> bool:
        return 200 <= self.status < 400

    def __str__(self) -> str:
        return f"{self.fault or 'nothing wrong'}: {self.method} {self.path[:100]} by {self.person} ({self.status}); FUZZ_SEED={self.seed}"


@dataclass(frozen=True)
class Target:
    """An address with what it names, and who may; of a case's acts one with a case in a state that has it."""

    rule: Rule
    act: Act | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        return ("GET", "POST") if self.act else self.rule.methods


@dataclass
class Fuzz:
    matrix: Matrix
    traces: Traces = field(default_factory=Traces)

    def seeds(self, word: str, each: int) -> Iterator[str]:
        """`each` odd requests to every address."""
        return (f"{word}:{n}@{url}" for n in range(each) for url in self.urls)

    def proper_seeds(self, *, most_telling: bool = False) -> Iterator[str]:
        """By each of its methods, or by the one that does most, to every address that anybody may ask; each act of a case."""
        for url in self.urls:
            methods = ("GET", "POST") if oracle().rules[url].kind == "acts" else oracle().rules[url].methods
            for method in methods[-1:] if most_telling else methods:
                turns = range(len(oracle().acts)) if oracle().rules[url].kind == "acts" else [0]
                yield from (f"{PROPER}{method}:{n}@{url}" for n in turns)

    def ask(self, seed: str) -> Asked:
        """Send what the seed says, look, and undo."""
        dice, (word, _, url) = Random(seed), seed.partition("@")
        target = self._target(url, word, dice)
        is_proper = word.startswith(PROPER)
        method = word.split(":")[1] if is_proper else self._method(dice, target)
        person = self._person(target, method, None if is_proper else dice)
        usual = self._usual_path(target)
        path = usual if is_proper else self._path(dice, target, usual)
        with self._undone(person):
            if is_proper:
                answer = self._send_properly(person, method, path, target)
            else:
                answer = self._send(dice, target, method, person, path)
            _read(answer)
            fault = self._fault(answer, (*MAY_BE_LEFT, *BEGUN.get(url, ())))
        may = target.rule.answer(person, "GET" if method in BODILESS else "POST") == YES
        return Asked(seed, url, method, person, path, path == usual, may, answer.status_code, fault)

    @cached_property
    def urls(self) -> list[str]:
        known = addresses()
        return [url for url in oracle().rules if url in known]

    @contextmanager
    def _undone(self, person: Person) -> Iterator[None]:
        """Rows and cookies are as they were: who signed out, or has a new password, is signed in again."""
        point, jar = transaction.savepoint(), dict(person.client.cookies)
        try:
            yield
        finally:
            connection.needs_rollback = False
            transaction.savepoint_rollback(point)
            person.client.cookies = SimpleCookie()
            person.client.cookies.update(jar)

    # ------------------------------------------------------------------ what and who

    def _target(self, url: str, word: str, dice: Random) -> Target:
        rule = oracle().rules[url]
        if rule.kind != "acts":
            return Target(rule)
        acts = oracle().acts
        act = acts[int(word.rpartition(":")[2])] if word.startswith(PROPER) else dice.choice(acts)
        return Target(self.matrix.rule_of(act), act)

    def _method(self, dice: Random, target: Target) -> str:
        """Mostly one that the address knows, and of two the one that writes."""
        known = target.methods
        return dice.choice(known + known[-1:]) if known and dice.randrange(5) else dice.choice(METHODS)

    def _person(self, target: Target, method: str, dice: Random | None) -> Person:
        """Mostly somebody who may, for behind the door there is more to break."""
        may = self.matrix.first_who_may(target.rule, "GET" if method in BODILESS else "POST")
        if dice is not None and (may is None or dice.randrange(6) == 0):
            return dice.choice(self.matrix.people)
        return may or self.matrix.people[0]

    def _usual_path(self, target: Target) -> str:
        return self.matrix.act_path(target.act) if target.act else self.matrix.path(target.rule)

    # ------------------------------------------------------------------ sending

    def _send_properly(self, person: Person, method: str, path: str, target: Target) -> HttpResponseBase:
        if method == "GET":
            return person.client.get(path, self.matrix.data_for(target.rule, "GET"))
        return person.client.post(path, as_sent(self._data(target)))

    def _send(self, dice: Random, target: Target, method: str, person: Person, path: str) -> HttpResponseBase:
        query, headers = self._query(dice, target), dict(dice.choice(nasty.HEADERS))
        if method in BODILESS:
            return person.client.generic(method, path + query, **headers)
        if dice.randrange(6) == 0:
            return person.client.generic(
                method, path + query, dice.choice(nasty.BODIES)(dice), content_type=dice.choice(nasty.TYPES), **headers
            )
        form = self._form(dice, target)
        body = (
            encode_multipart("BoUnDaRyStRiNg", {name: _raw(value) for name, value in form.items()})
            if dice.randrange(3)
            else _urlencoded(form)
        )
        kind = MULTIPART_CONTENT if isinstance(body, bytes) else "application/x-www-form-urlencoded"
        return person.client.generic(method, path + query, body, content_type=kind, **headers)

    def _path(self, dice: Random, target: Target, usual: str) -> str:
        """The address of something that is there; or one of its parts is something else."""
        if dice.randrange(5):
            return usual
        pieces = usual.split("/")
        converters = getattr(addresses()[target.rule.url].pattern, "converters", {})
        places = [n for n, piece in enumerate(pieces) if piece.isdigit()] or [max(1, len(pieces) - 2)]
        odd = (
            dice.choice(nasty.NUMBERS)
            if any(isinstance(c, IntConverter) for c in converters.values())
            else dice.choice(nasty.PATHS)
        )
        pieces[dice.choice(places)] = str(odd)
        return "/".join(pieces)

    def _query(self, dice: Random, target: Target) -> str:
        """Names that the page knows, mostly with something odd."""
        names = [*self._asked_for(target), *QUERY_NAMES]
        if dice.randrange(2):
            return ""
        known = names[: len(names) - len(QUERY_NAMES)]
        chosen = [dice.choice(known if known and dice.randrange(4) else names) for _n in range(dice.randint(1, 3))]
        return "?" + "&".join(f"{quote(name)}={_quoted(nasty.text(dice))}" for name in chosen)

    def _asked_for(self, target: Target) -> list[str]:
        """What the page's own forms ask for by GET, as it is shown to the first who may."""
        if target.rule.url not in self._names:
            who = self.matrix.first_who_may(target.rule, "GET")
            names: set[str] = set(self.matrix.data_for(target.rule, "GET"))
            if who is not None and "GET" in target.methods and target.rule.kind not in ("file", "export"):
                shown = self.matrix.ask(who, self._usual_path(target), "GET", self.matrix.data_for(target.rule, "GET"))
                for form in forms_of(shown.body):
                    if form.method == "get":
                        names |= {*form.fields, *form.blank, *form.choices}
            self._names[target.rule.url] = sorted(names)
        return self._names[target.rule.url]

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return {}

    def _data(self, target: Target) -> dict[str, Any]:
        return self.matrix.act_data(target.act) if target.act else self.matrix.data_for(target.rule, "POST")

    def _form(self, dice: Random, target: Target) -> dict[str, Any]:
        """The page's own form, properly filled in, with one to three of its fields spoilt."""
        data = as_sent(dict(self._data(target))) if "POST" in target.methods else {"key": "0" * 32}
        for name in dice.sample(sorted(data), min(len(data), dice.randint(0, 3))):
            self._spoil(dice, data, name)
        if dice.randrange(5) == 0:
            data[dice.choice(QUERY_NAMES)] = nasty.text(dice)
        return data

    def _spoil(self, dice: Random, data: dict[str, Any], name: str) -> None:
        how = dice.randrange(10)
        if how == 0:
            del data[name]
        elif how == 1:
            data[name] = [nasty.text(dice), nasty.text(dice)]
        elif hasattr(data[name], "read") or how == 2:
            title, content = nasty.file(dice)
            data[name] = SimpleUploadedFile(title, content)
        else:
            data[name] = nasty.text(dice)

    # ------------------------------------------------------------------ looking

    def _fault(self, answer: HttpResponseBase, may_be_left: tuple[str, ...]) -> str:
        if answer.status_code >= 500:
            error = getattr(answer, "exc_info", None)
            return f"crashed with {error[0].__name__}: {str(error[1])[:200]}" if error else "crashed"
        if is_broken():
            return "left its transaction broken"
        changed = self.traces.changed()
        if answer.status_code < 400:
            why = why_not_committed() if changed else ""
            return f"was answered and could not be committed: {why}" if why else ""
        left = self.traces.left([table for table in changed if table not in may_be_left])
        return f"was refused and wrote into {', '.join(left)}" if left else ""


QUERY_NAMES = (
    "q", "page", "of", "from", "to", "year", "month", "unit", "fund", "programme", "state", "kind", "case", "village", "who", "day", "next",
    "key", "entry", "allocation", "least", "parts", "first", "last", "done", "later", "by", "choice", "amount_fen", "confirm", "verb", "sort",
)  # fmt: skip


def _read(answer: HttpResponseBase) -> None:
    """A file that is sent in pieces breaks while it is sent."""
    if answer.streaming:
        for _piece in answer.streaming_content:
            pass


def _raw(value: Any) -> Any:
    """Text as bytes, lone surrogates included; files as they are."""
    if isinstance(value, list):
        return [_raw(each) for each in value]
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


def _urlencoded(data: dict[str, Any]) -> str:
    pairs = [
        (name, value) for name, values in data.items() for value in (values if isinstance(values, list) else [values])
    ]
    return "&".join(f"{_quoted(name)}={_quoted(str(value))}" for name, value in pairs)
