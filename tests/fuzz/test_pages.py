"""Odd requests to every address: on each push the same thousand; 200,000 new ones with -m torture.

FUZZ_SEED plays a single one again, from a failure's message. What a long run finds is kept in kept.txt: commit it together
with the repair, and it is asked first from then on.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from casework.typeset import has_chinese_font
from tests.authorisation.asking import Matrix
from tests.authorisation.oracle import oracle
from tests.fuzz.asking import PROPER, Asked, Fuzz
from tests.fuzz.memory import MOST_MB, WORKER_MB, forget_the_peak, peak_mb
from tests.owner import owner

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("fuzz")]
EACH, ON_DEMAND, PIECE = 2, 200_000, 500  # odd requests: to each address on a push, and in a long run
SEED = f"{time.time():.0f}"
KEPT = Path(__file__).with_name("kept.txt")


@pytest.fixture(scope="package")
def fuzz(matrix: Matrix) -> Iterator[Fuzz]:
    made = Fuzz(matrix)
    with pytest.MonkeyPatch.context() as patch:
        # Rows are undone after each request; the files to which they point have to stay as well.
        patch.setattr(FileSystemStorage, "delete", lambda storage, name: None)
        yield made


@pytest.fixture(scope="package")
def pushed(fuzz: Fuzz) -> list[Asked]:
    """What each push asks: every address as it is meant to be asked, and then oddly."""
    before = forget_the_peak()
    asked = [fuzz.ask(seed) for seed in (*fuzz.proper_seeds(most_telling=True), *fuzz.seeds("push", EACH))]
    assert peak_mb() - before <= MOST_MB - WORKER_MB  # this process holds the tests as well
    return asked


def told(found: list[Asked]) -> str:
    """The first of each kind of fault."""
    kinds: dict[str, Asked] = {}
    for asked in found:
        kinds.setdefault(f"{asked.fault[:60]} {asked.url}", asked)
    return "\n".join(map(str, kinds.values()))


def hold(found: list[Asked], *, keep: bool = False) -> None:
    wrong = [asked for asked in found if asked.fault]
    if wrong and keep:
        with KEPT.open("a") as file:
            file.writelines(f"{asked.seed}\n" for asked in wrong[:5])
    if wrong:
        pytest.fail(told(wrong), pytrace=False)


# ---------------------------------------------------------------- on each push


def test_nothing_crashes_and_no_refusal_writes(pushed: list[Asked]) -> None:
    hold(pushed)


def test_every_address_is_asked_and_serves_whoever_may(pushed: list[Asked], fuzz: Fuzz) -> None:
    """Else the odd requests are turned away at the door, and break nothing because they reach nothing."""
    asked, served = Counter(one.url for one in pushed), {one.url for one in pushed if one.may and one.is_served}
    refused = [one for one in pushed if one.seed.startswith(PROPER) and one.may and not one.is_served]
    someone_may = {one.url for one in pushed if one.may}

    assert set(asked) == set(oracle().rules)
    assert min(asked.values()) >= EACH
    assert someone_may - served <= NOT_EVERYWHERE
    assert [str(one) for one in refused if one.url not in NOT_EVERYWHERE] == []
    assert sum(one.is_usual for one in pushed) > 0.7 * len(pushed)
    assert sum(one.may for one in pushed) > 0.6 * len(pushed)


NOT_EVERYWHERE = set() if has_chinese_font() else {"packs:new"}  # an inspection pack is set in Chinese type


def kept() -> list[str]:
    return KEPT.read_text().split() if KEPT.exists() else []


@pytest.mark.parametrize("seed", [*kept(), *filter(None, [os.environ.get("FUZZ_SEED")])])
def test_what_was_found_once_stays_mended(fuzz: Fuzz, seed: str) -> None:
    asked = fuzz.ask(seed)

    assert asked.fault == "", asked


# ---------------------------------------------------------------- on demand


@pytest.mark.torture
def test_every_address_is_asked_by_each_of_its_methods(fuzz: Fuzz) -> None:
    found = [fuzz.ask(seed) for seed in fuzz.proper_seeds()]

    hold(found)
    assert [str(one) for one in found if one.may and not one.is_served and one.url not in NOT_EVERYWHERE] == []


@pytest.mark.torture
@pytest.mark.parametrize("piece", range(ON_DEMAND // PIECE))
def test_nothing_crashes_in_a_long_night(fuzz: Fuzz, piece: int) -> None:
    before = forget_the_peak()
    turns = range(piece * PIECE, (piece + 1) * PIECE)
    hold([fuzz.ask(f"{SEED}:{n}@{fuzz.urls[n % len(fuzz.urls)]}") for n in turns], keep=True)
    assert peak_mb() - before <= MOST_MB - WORKER_MB


# ---------------------------------------------------------------- whether it would be seen


def test_the_same_seed_is_the_same_request(fuzz: Fuzz) -> None:
    for seed in list(fuzz.seeds("same", 1))[::15]:
        assert fuzz.ask(seed) == fuzz.ask(seed)


def first_fault(fuzz: Fuzz, most: int = 300) -> str:
    return next((asked.fault for asked in map(fuzz.ask, list(fuzz.seeds("planted", 1))[:most]) if asked.fault), "")


def plant(monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    """In the place of a middleware's call, which is looked up anew for each request; process_view each client keeps as it was."""
    monkeypatch.setattr("casework.http.NoNulBytes.__call__", fault)


def test_a_planted_crash_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any, **more: Any) -> None:
        raise ZeroDivisionError

    plant(monkeypatch, crash)

    assert "ZeroDivisionError" in first_fault(fuzz)


def test_a_refusal_that_writes_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.exceptions import BadRequest

    from jobs.models import Job

    def write_and_refuse(*args: Any, **more: Any) -> None:
        Job.objects.create(kind="register_import", title="x")
        raise BadRequest

    plant(monkeypatch, write_and_refuse)

    assert "wrote into jobs_job" in first_fault(fuzz)


def test_a_broken_transaction_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError, connection
    from django.http import HttpResponse

    def swallow(*args: Any, **more: Any) -> HttpResponse:
        with connection.cursor() as cursor:
            try:
                cursor.execute("SELECT 1 / 0")
            except DatabaseError:
                return HttpResponse("all is well")

    plant(monkeypatch, swallow)

    assert "transaction broken" in first_fault(fuzz)


def test_what_could_not_be_committed_is_seen(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.http import HttpResponse

    from casework.models import Case

    def without_an_act(*args: Any, **more: Any) -> HttpResponse:
        with owner():  # nobody has signed in so early, and whoever has not reaches no case
            Case.objects.filter(state="draft").update(state="registered")
        return HttpResponse("done")

    plant(monkeypatch, without_an_act)

    assert "could not be committed" in first_fault(fuzz)
