"""Interleaved timing: what is compared runs turn by turn in one process, so that a busy machine disturbs all alike."""

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Work = Callable[[int], object]  # is given the number of the round


@dataclass(frozen=True)
class Times:
    """Milliseconds of one candidate, sorted."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def at(self, share: float) -> float:
        return self.samples[min(int(len(self.samples) * share), len(self.samples) - 1)]

    @property
    def spread(self) -> list[float]:
        """[p10, p90]"""
        return [round(self.at(0.1), 3), round(self.at(0.9), 3)]


def interleaved(candidates: Mapping[str, Work], rounds: int, *, warm_up: int = 0) -> dict[str, Times]:
    """Run every candidate once a round, in random order; the first `warm_up` rounds do not count."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    order = random.Random(20260415)
    for n in range(warm_up + rounds):
        for name in order.sample(list(candidates), len(candidates)):
            began = time.perf_counter()
            candidates[name](n)
            if n >= warm_up:
                taken[name].append((time.perf_counter() - began) * 1000)
    return {name: Times(tuple(sorted(samples))) for name, samples in taken.items()}


def result(name: str, scale: int, times: Mapping[str, Times], *, queries: int, **more: Any) -> dict[str, Any]:
    """What every benchmark reports; `times` holds "ours", "floor" and, where there is one, "plain"."""
    ours, floor, plain = times["ours"].median, times["floor"].median, times.get("plain")
    return {
        "name": name,
        "scale": scale,
        "ours_ms": round(ours, 3),
        "floor_ms": round(floor, 3),
        "ratio_to_floor": round(ours / floor, 2),
        "plain_ms": round(plain.median, 3) if plain else None,
        "queries": queries,
        "samples": len(times["ours"].samples),
        "p10_p90_ms": {name: taken.spread for name, taken in times.items()},
        **more,
    }
