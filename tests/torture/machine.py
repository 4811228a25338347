"""The game, played by Hypothesis: it invents the moves, and when the two sides disagree it finds the shortest way there.

play(seed=7, moves=20_000)      about so many moves; raises Disagreement
"""

import gc
import json
import time
from dataclasses import dataclass
from pathlib import Path

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from audit import clock
from tests.torture.game import LARGEST, Counts, Disagreement, Game, Step
from tests.torture.moves import MOVES
from tests.world import START

KEPT = Path(__file__).parent / "kept"
GAME = 120  # moves; a longer game finds little more, and every look at it takes longer
_name = st.sampled_from([name for name, kind in MOVES.items() for _ in range(kind.weight)])
_number = st.integers(0, LARGEST)


@dataclass
class Run:
    """What one run did; `counts` goes on while it lasts."""

    counts: Counts
    last: Game | None = None


def _machine(run: Run) -> type[RuleBasedStateMachine]:
    class Books(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.game = run.last = Game(counts=run.counts)

        @rule(name=_name, a=_number, b=_number, c=_number)
        def move(self, name: str, a: int, b: int, c: int) -> None:
            self.game.step(name, a, b, c)

        def teardown(self) -> None:
            self.game.check_everything()

    return Books


def play(*, seed: int, moves: int, counts: Counts | None = None, shrinks: bool = True) -> Counts:
    """Play games until about `moves` moves were made. Raises Disagreement with the shortest game that shows it."""
    run = Run(counts or Counts())
    phases = [hypothesis.Phase.generate] + ([hypothesis.Phase.shrink] if shrinks else [])
    settings = hypothesis.settings(
        max_examples=10, stateful_step_count=GAME, deadline=None, database=None, phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    wanted = run.counts.all + moves
    gc.freeze()  # what lives already will go on living, and is not worth looking at again and again
    with clock.frozen_at(START):
        while run.counts.all < wanted:
            machine = hypothesis.seed(seed)(_machine(run))
            try:
                run_state_machine_as_test(machine, settings=settings)
            except Disagreement as found:
                found.steps = list(run.last.steps)  # Hypothesis ends with the shortest one
                raise
            seed += 1
            gc.collect()
    return run.counts


def keep(steps: list[Step], why: str) -> Path:
    """Write a game down where it is replayed first from now on."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"why": why, "steps": steps}, ensure_ascii=False, indent=1) + "\n")
    return path


def kept() -> list[Path]:
    return sorted(KEPT.glob("*.json"))


def replay(path: Path) -> None:
    """Play a kept game again. Raises Disagreement."""
    with clock.frozen_at(START):
        Game().play(tuple(step) for step in json.loads(path.read_text())["steps"])
