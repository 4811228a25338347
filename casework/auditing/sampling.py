"""Random samples that anybody can draw again, with a published seed and nothing but SHA-256.

population = [17, 23, …]                     the numbers (ids) in order
drawn = sorted(population, key=sha256(f"{seed}:{number}"))[:size]
"""

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from access.models import OrgUnit
from audit import clock
from audit.context import acting
from casework.auditing.models import Sample
from casework.auditing.numbers import next_number
from casework.auditing.running import demand_auditor
from casework.errors import BadCaseData
from casework.models import Case
from funds.models import Payment

MOST = 500  # a sample is for people to look at


@dataclass(frozen=True)
class Frame:
    """What is drawn from: cases opened, or payments sent, in a unit between two days, of at least so much."""

    unit: OrgUnit
    of: str
    first_on: datetime.date
    last_on: datetime.date
    least_fen: int = 0

    def rows(self) -> QuerySet:
        level = self.unit.level
        if self.of == Sample.Of.CASES:
            return Case.objects.filter(
                opened_on__range=(self.first_on, self.last_on), amount_fen__gte=self.least_fen, **{level: self.unit}
            )
        return Payment.objects.filter(
            sent_on__range=(self.first_on, self.last_on),
            amount_fen__gte=self.least_fen,
            **{f"reservation__village__{level}": self.unit},
        )

    def numbers(self) -> Iterable[int]:
        return self.rows().order_by("pk").values_list("pk", flat=True).iterator(chunk_size=10_000)


def choose(numbers: Iterable[int], seed: str, size: int) -> tuple[list[int], int, str]:
    """(drawn, population, its SHA-256): the `size` numbers whose SHA-256 of "seed:number" comes first."""
    count, digest = 0, hashlib.sha256()

    def weighed() -> Iterable[tuple[bytes, int]]:
        nonlocal count
        for number in numbers:
            digest.update(f",{number}".encode() if count else str(number).encode())
            count += 1
            yield hashlib.sha256(f"{seed}:{number}".encode()).digest(), number

    drawn = [number for _weight, number in nsmallest(size, weighed())]
    return drawn, count, digest.hexdigest()


@transaction.atomic
def draw(frame: Frame, *, size: int, seed: str, seed_source: str, by: Any) -> Sample:
    """Draw and write down how. Raises NotYourTurn, BadCaseData without a published seed or where nothing can be drawn."""
    demand_auditor(by, frame.unit)
    if not seed.strip() or not seed_source.strip():
        raise BadCaseData(_("请写种子，和它在哪里、哪天公布的：事先公布的数，别人才能照样再抽一遍。"))
    if not 0 < size <= MOST:
        raise BadCaseData(_("一次最多抽 %(most)d 个。") % {"most": MOST})
    if frame.last_on < frame.first_on:
        raise BadCaseData(_("结束日期不能早于开始日期。"))
    drawn, count, digest = choose(frame.numbers(), seed.strip(), size)
    if not count:
        raise BadCaseData(_("这段时间里一个也没有，没有可抽的。"))
    with acting(by, reason="draw_sample"):
        return Sample.objects.create(
            number=next_number(Sample, "C"),
            unit=frame.unit,
            of=frame.of,
            first_on=frame.first_on,
            last_on=frame.last_on,
            least_fen=frame.least_fen,
            seed=seed.strip(),
            seed_source=seed_source.strip(),
            population=count,
            population_sha256=digest,
            size=size,
            drawn=drawn,
            drawn_by=by,
            drawn_on=clock.today(),
        )


def draws_again(sample: Sample) -> bool:
    """Whether the same seed over today's records gives the same choice: nothing was added, taken away or moved."""
    frame = Frame(sample.unit, sample.of, sample.first_on, sample.last_on, sample.least_fen)
    return choose(frame.numbers(), sample.seed, sample.size) == (
        sample.drawn,
        sample.population,
        sample.population_sha256,
    )
