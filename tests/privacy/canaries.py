"""A family whose every value occurs nowhere else, and the table of who may meet which of them in clear.

The table is written from docs/security.md, "Who sees what". What is not in it is a leak. `WHOLE` values (ID and account numbers)
are shown by a page that takes a reason, in a bank's list and in the payee's own form, and lie in no column in clear.
"""

import io
import re
import zipfile
from typing import Any

import pytest

from access import vault
from access.roles import ROLES, Desk
from families.models import BankAccount, Person
from tests import world as worlds
from tests.authorisation.records import CANARIES
from tests.world import World

NAME = CANARIES["V1"]
PHONE = "13900713371"
NEEDS = "龘龘说屋顶漏雨靐靐"
MEANS_FEN, MEANS = 7_654_321, "76,543.21"
HEALTH, MENTAL = "要人照顾", "很难过，要有人多去看"  # of self_care and mood, as a page words them
CANARY_SURVEY = {"pension_fen": MEANS_FEN, "self_care": "none", "mood": "bad"}

IN_A_FAMILY = {"village", "township", "county"}
# {what: desks, and single roles, that may meet it on a page or in a file that they ask for, without giving a reason}
WHO_SEES = {
    "name": {*IN_A_FAMILY, "funds", "stock", "audit", "granted"},
    "phone": IN_A_FAMILY,
    "needs": {*IN_A_FAMILY, "audit", "granted"},
    "means": {*IN_A_FAMILY, "audit"},
    "health": IN_A_FAMILY,
    "mental": {"village", "township_approver"},
    "id": set(),
    "account": set(),
}
# Addresses that show more: {(address, what): desks}
BESIDES = {
    ("funds:bank_list", "account"): {"funds"},  # what the bank is told
    ("rosters:bank_list", "account"): {"funds"},
}
_DESK = {Desk.VILLAGE: "village", Desk.TOWNSHIP: "township", Desk.COUNTY: "county", Desk.FUNDS: "funds", Desk.STOCK: "stock",
         Desk.AUDIT: "audit", Desk.ADMIN: "admin", Desk.OTHER: "other"}  # fmt: skip


def desk_of(person: Any) -> str:
    return _DESK[ROLES[person.role].desk] if person.role else person.relation


def sees(person: Any, what: str, besides: set[str] = frozenset()) -> bool:
    """Whether her desk, or her role by itself, may meet it."""
    return not {desk_of(person), person.role}.isdisjoint(WHO_SEES[what] | besides)


def plant(patch: pytest.MonkeyPatch) -> None:
    """From now on every family of the small world has a telephone, and every survey says what nobody else may read."""
    made, survey = worlds.make_person, World.survey

    def with_phone(*args: Any, **more: Any) -> Person:
        person = made(*args, **more)
        person.phone = PHONE
        person.save()
        return person

    def with_words(self: World, household: Any, **more: Any) -> Any:
        more["facts"] = CANARY_SURVEY | more.get("facts", {})
        return survey(self, household, **more)

    patch.setattr(worlds, "make_person", with_phone)
    patch.setattr(World, "survey", with_words)
    patch.setattr(worlds, "NEEDS_WORDS", NEEDS)


def whole_numbers() -> dict[str, set[str]]:
    """{"id", "account": every number that is sealed in the database}"""
    people = Person.objects.filter(id_number_sealed__isnull=False)
    accounts = BankAccount.objects.exclude(number_last4="")
    return {
        "id": {vault.unseal(row.id_number_sealed, row=row.id_number_row) for row in people},
        "account": {vault.unseal(row.number_sealed, row=row.number_row) for row in accounts},
    }


def texts_in(content: bytes) -> str:
    """What can be read in an answer or a file: text in either code, and whatever lies in a zip (a workbook, a bundle)."""
    if content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return "\n".join(texts_in(packed.read(name)) for name in packed.namelist())
    return content.decode("utf-8", "ignore") + content.decode("gb18030", "ignore")


class Seen:
    """Which canaries stand in a text. Whole numbers are looked up by their shape first: there are hundreds of them."""

    def __init__(self, numbers: dict[str, set[str]]) -> None:
        self.numbers = numbers
        self.words = {"name": NAME, "phone": PHONE, "needs": NEEDS, "means": MEANS, "health": HEALTH, "mental": MENTAL}

    def __call__(self, text: str) -> set[str]:
        found = {what for what, word in self.words.items() if word in text}
        digits = set(re.findall(r"(?<!\d)\d{15,19}[Xx]?", text)) | set(re.findall(r"\d{17}[\dXx]", text))
        return found | {what for what, known in self.numbers.items() if known & digits}
