"""One request: what is sent follows from its seed alone. What came of it is held against three promises: no answer of 5xx,
nothing written where it was refused, and no connection left broken.
"""

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test.client import MULTIPART_CONTENT, encode_multipart
from django.urls.converters import IntConverter

from tests.authorisation.asking import Matrix
from tests.authorisation.filling import as_sent
from tests.authorisation.oracle import Rule, addresses, oracle
from tests.authorisation.places import Person
from tests.fuzz import nasty
from tests.owner import owner

METHODS = ("GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
# What a refusal may leave: that somebody was here, how often, and where she is signed in.
MAY_BE_LEFT = ("django_session", "access_rate", "access_signin")


@dataclass(frozen=True)
class Asked:
    seed: str
    url: str
    method: str
    person: Person
    status: int
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.fault}: {self.method} {self.url} by {self.person} ({self.status}); FUZZ_SEED={self.seed}"


@dataclass
class Fuzz:
    matrix: Matrix

    def ask(self, seed: str) -> Asked:
        """Send what the seed says, look, and undo."""
        dice = Random(seed)
        rule = dice.choice(self.rules)
        method = dice.choice(METHODS)
        person = self._person(rule, method, dice)
        point = transaction.savepoint()
        connection.rollbacks_before = self.writes()
        try:
            answer = self._send(dice, rule, method, person)
            _read(answer)
            fault = self._fault(answer, connection.rollbacks_before)
        finally:
            connection.needs_rollback = False
            transaction.savepoint_rollback(point)
        return Asked(seed, rule.url, method, person, answer.status_code, fault)

    @cached_property
    def rules(self) -> list[Rule]:
        known = addresses()
        return [rule for rule in oracle().rules.values() if rule.url in known]

    def _person(self, rule: Rule, method: str, dice: Random) -> Person:
        """Mostly somebody who may, for behind the door there is more to break."""
        may = (
            self.matrix.first_who_may(rule, "POST" if method not in ("GET", "HEAD") else "GET")
            if dice.randrange(4)
            else None
        )
        return may or dice.choice(self.matrix.people)

    # ------------------------------------------------------------------ sending

    def _send(self, dice: Random, rule: Rule, method: str, person: Person) -> HttpResponseBase:
        path = self._path(dice, rule)
        query = self._query(dice)
        headers = dict(dice.choice(nasty.HEADERS))
        if method in ("GET", "HEAD", "OPTIONS"):
            return person.client.generic(method, path + query, **headers)
        if dice.randrange(6) == 0:
            return person.client.generic(
                method, path + query, dice.choice(nasty.BODIES)(dice), content_type=dice.choice(nasty.TYPES), **headers
            )
        body = (
            encode_multipart("BoUnDaRyStRiNg", {name: _raw(value) for name, value in self._form(dice, rule).items()})
            if dice.randrange(3)
            else _urlencoded(self._form(dice, rule))
        )
        kind = MULTIPART_CONTENT if isinstance(body, bytes) else "application/x-www-form-urlencoded"
        return person.client.generic(method, path + query, body, content_type=kind, **headers)

    def _path(self, dice: Random, rule: Rule) -> str:
        """The address of something that is there; or one of its parts is something else."""
        usual = self.matrix.path(rule)
        if dice.randrange(4):
            return usual
        pieces = usual.split("/")
        converters = getattr(addresses()[rule.url].pattern, "converters", {})
        places = [n for n, piece in enumerate(pieces) if piece.isdigit()] or [max(1, len(pieces) - 2)]
        odd = (
            dice.choice(nasty.NUMBERS)
            if any(isinstance(c, IntConverter) for c in converters.values())
            else dice.choice(nasty.PATHS)
        )
        pieces[dice.choice(places)] = str(odd)
        return "/".join(pieces)

    def _query(self, dice: Random) -> str:
        if dice.randrange(2):
            return ""
        names = dice.sample(QUERY_NAMES, dice.randint(1, 3))
        return "?" + "&".join(f"{name}={_quoted(nasty.text(dice))}" for name in names)

    def _form(self, dice: Random, rule: Rule) -> dict[str, Any]:
        """The page's own form, properly filled in, with one to three of its fields spoilt."""
        data = (
            as_sent(dict(self.matrix.data_for(rule, "POST")))
            if rule.methods and "POST" in rule.methods
            else {"key": "0" * 32}
        )
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

    def _fault(self, answer: HttpResponseBase, before: int) -> str:
        if answer.status_code >= 500:
            error = getattr(answer, "exc_info", None)
            return f"crashed with {error[0].__name__}: {str(error[1])[:200]}" if error else "crashed"
        if connection.needs_rollback:
            return "left its transaction broken"
        if answer.status_code >= 400 and self.writes() != before:
            left = [table for table, count in self.counts().items() if count != self.untouched.get(table)]
            left = sorted(set(left) - set(MAY_BE_LEFT))
            return f"was refused and wrote into {', '.join(left)}" if left else ""
        return ""

    def writes(self) -> int:
        """How many rows this transaction has written so far, taken back or not: while it stays, nothing was written."""
        with owner(), connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables")
            return int(cursor.fetchone()[0])

    @cached_property
    def untouched(self) -> dict[str, int]:
        return self.counts()

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        with owner(), connection.cursor() as cursor:
            cursor.execute(self._counting)
            return dict(cursor.fetchall())

    @cached_property
    def _counting(self) -> str:
        with owner(), connection.cursor() as cursor:
            names = [info.name for info in connection.introspection.get_table_list(cursor) if info.type == "t"]
        return " UNION ALL ".join(f"""SELECT '{name}', count(*) FROM "{name}" """ for name in sorted(names))


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
