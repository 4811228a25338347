"""What a ledger is judged against: the household register, wherever it is kept.

`RegisterIndex` is asked twice a ledger, once for all its households and once for all its people, so that a register
in a database answers with two queries.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from families.importing.register_file import RegisterHousehold, RegisterPerson


class KnownPerson(Protocol):
    """A person of the register. `household_no` is the household that she belongs to today."""

    household_no: str
    name: str
    id_number: str | None
    no_id_reason: str


class KnownHousehold(Protocol):
    """A household of the register with its members of today."""

    household_no: str
    village_code: str
    group_no: str

    @property
    def members(self) -> Sequence[KnownPerson]: ...


class RegisterIndex(Protocol):
    """The register of the places that a ledger may speak of."""

    village_names: Mapping[str, str]  # {village code of 12 digits: name}
    group_codes: Collection[str]  # codes of 15 digits of the villager groups in use

    def households(self, household_nos: Collection[str]) -> Mapping[str, KnownHousehold]:
        """Those of the households that the register knows, by number."""

    def persons(self, id_numbers: Collection[str]) -> Mapping[str, KnownPerson]:
        """Those of the people that the register knows, by ID number of 18 characters."""


class MemoryIndex:
    """A register index over households that were read from a file."""

    def __init__(
        self, households: Iterable[RegisterHousehold], *, village_names: Mapping[str, str], group_codes: Collection[str]
    ) -> None:
        self.village_names = village_names
        self.group_codes = frozenset(group_codes)
        self._households = {household.household_no: household for household in households}
        self._persons: dict[str, RegisterPerson] = {
            person.id_number: person
            for household in self._households.values()
            for person in household.members
            if person.id_number
        }

    def households(self, household_nos: Collection[str]) -> dict[str, RegisterHousehold]:
        return {number: self._households[number] for number in household_nos if number in self._households}

    def persons(self, id_numbers: Collection[str]) -> dict[str, RegisterPerson]:
        return {number: self._persons[number] for number in id_numbers if number in self._persons}
