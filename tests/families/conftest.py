"""The demo township for tests of the imports: its places, its register, and an index over it."""

import csv
from datetime import date
from pathlib import Path

import pytest

from families.importing.register_file import read_register
from families.importing.register_index import MemoryIndex

DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture(scope="session")
def demo_units():
    with (DEMO / "org-units.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def demo_groups(demo_units):
    return {unit["code"] for unit in demo_units if unit["level"] == "group" and not unit["valid_to"]}


@pytest.fixture(scope="session")
def demo_register(demo_groups):
    with (DEMO / "household-register.csv").open("rb") as file:
        return list(read_register(file, group_codes=demo_groups, today=date(2026, 3, 31)))


@pytest.fixture(scope="session")
def demo_index(demo_units, demo_groups, demo_register):
    village_names = {unit["code"]: unit["name"] for unit in demo_units if unit["level"] == "village"}
    return MemoryIndex(demo_register, village_names=village_names, group_codes=demo_groups)
