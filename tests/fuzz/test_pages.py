"""Five thousand requests, always the same, and 200,000 new ones: with -m torture, until the first have been seen to pass.

FUZZ_SEED plays a single one again, from a failure's message. What a long run finds is kept in kept.txt: commit it together
with the repair, and it is asked first from then on.
"""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.authorisation.asking import Matrix
from tests.fuzz.asking import Asked, Fuzz

pytestmark = [pytest.mark.django_db, pytest.mark.torture, pytest.mark.xdist_group("fuzz")]
EACH_PUSH, ON_DEMAND, PIECE = 5_000, 200_000, 500
SEED = f"{time.time():.0f}"
KEPT = Path(__file__).with_name("kept.txt")


@pytest.fixture(scope="package")
def fuzz(matrix: Matrix) -> Fuzz:
    made = Fuzz(matrix)
    _ = made.untouched
    return made


def told(found: list[Asked]) -> str:
    """The first of each kind of fault."""
    kinds: dict[str, Asked] = {}
    for asked in found:
        kinds.setdefault(f"{asked.fault[:60]} {asked.url}", asked)
    return "\n".join(map(str, kinds.values()))


def hold(fuzz: Fuzz, seeds: list[str], *, keep: bool = False) -> None:
    wrong = [asked for asked in map(fuzz.ask, seeds) if asked.fault]
    if wrong and keep:
        with KEPT.open("a") as file:
            file.writelines(f"{asked.seed}\n" for asked in wrong[:5])
    if wrong:
        pytest.fail(told(wrong), pytrace=False)


@pytest.mark.parametrize("piece", range(EACH_PUSH // PIECE))
def test_nothing_crashes_and_no_refusal_writes(fuzz: Fuzz, piece: int) -> None:
    hold(fuzz, [f"push:{piece}:{n}" for n in range(PIECE)])


@pytest.mark.torture
@pytest.mark.parametrize("piece", range(ON_DEMAND // PIECE))
def test_nothing_crashes_in_a_long_night(fuzz: Fuzz, piece: int) -> None:
    hold(fuzz, [f"long:{SEED}:{piece}:{n}" for n in range(PIECE)], keep=True)


def kept() -> list[str]:
    return KEPT.read_text().split() if KEPT.exists() else []


@pytest.mark.parametrize("seed", [*kept(), *filter(None, [os.environ.get("FUZZ_SEED")])])
def test_what_was_found_once_stays_mended(fuzz: Fuzz, seed: str) -> None:
    asked = fuzz.ask(seed)

    assert asked.fault == "", asked


def test_the_same_seed_is_the_same_request(fuzz: Fuzz) -> None:
    for n in range(20):
        assert fuzz.ask(f"same:{n}") == fuzz.ask(f"same:{n}")


def first_fault(fuzz: Fuzz, most: int = 300) -> str:
    return next((asked.fault for n in range(most) if (asked := fuzz.ask(f"planted:{n}")).fault), "")


def test_a_planted_crash_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("casework.http.NoNulBytes.process_view", crash)

    assert "ZeroDivisionError" in first_fault(fuzz)


def test_a_refusal_that_writes_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.exceptions import BadRequest

    from jobs.models import Job

    def write_and_refuse(*args: Any, **more: Any) -> None:
        Job.objects.create(kind="register_import", title="x")
        raise BadRequest

    monkeypatch.setattr("casework.http.NoNulBytes.process_view", write_and_refuse)

    assert "wrote into jobs_job" in first_fault(fuzz)
