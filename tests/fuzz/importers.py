"""Every reader with every file: it is refused in words or read; nothing is written where it was refused.

    python -m tests.fuzz.importers [SEED [ROUNDS [SPOILT [large]]]]

On the database of DATABASE_URL; prints what is wrong, the time and the peak memory. A process of its own, so that its peak
is its own. Each round spoils SPOILT files of each reader in other ways; `large` has all of them read the large files too.
"""

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "casework.settings")
    django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from access.errors import AccessError  # noqa: E402
from audit import clock  # noqa: E402
from casework.embedded_postgres.errors import EmbeddedPostgresError  # noqa: E402
from casework.errors import CaseworkError  # noqa: E402
from families.errors import FamiliesError  # noqa: E402
from flows.errors import FlowsError  # noqa: E402
from funds.errors import FundsError  # noqa: E402
from tests.fuzz import nasty  # noqa: E402
from tests.fuzz.memory import WORKER_MB, forget_the_peak, peak_mb  # noqa: E402
from tests.fuzz.readers import Reader, readers  # noqa: E402
from tests.fuzz.spoiling import spoilt  # noqa: E402
from tests.fuzz.traces import Traces, is_broken, why_not_committed  # noqa: E402
from tests.world import START, load_world  # noqa: E402

REFUSALS = (AccessError, CaseworkError, FamiliesError, FlowsError, FundsError, EmbeddedPostgresError)
REAL = "as it should be"


def faults(
    seed: str, found: dict[str, Reader], traces: Traces, *, spoil: int = 12, large: bool = False
) -> Iterator[str]:
    """What is wrong, one line each."""
    for name, reader in found.items():
        for title, content in files_for(reader, Random(f"{seed}:{name}"), spoil, large):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"file{reader.ending or Path(title).suffix}"
                path.write_bytes(content)
                if fault := fault_of(reader, path, content, traces, is_good=title == REAL):
                    yield f"{name}, {title}: {fault}"


def files_for(reader: Reader, dice: Random, spoil: int, large: bool) -> Iterator[tuple[str, bytes]]:
    """The known nasty files, and one that it takes, as it is and in a few spoilt ways."""
    yield from nasty.files().items()
    if large:
        yield from nasty.large_files().items()
    if reader.real:
        yield REAL, reader.real
        for n in range(spoil):
            yield f"spoilt {n}", spoilt(reader.real, dice)


def fault_of(reader: Reader, path: Path, content: bytes, traces: Traces, *, is_good: bool = False) -> str:
    """Have it read, look, and undo. A good file is taken, else what is spoilt about it is never reached."""
    point = transaction.savepoint()
    try:
        reader.read(path, content)
        if is_broken():
            return "left its transaction broken"
        why = why_not_committed() if traces.changed() else ""
        return f"was read and could not be committed: {why}" if why else ""
    except REFUSALS as refusal:
        if is_good:
            return f"was refused: {str(refusal)[:150]}"
        left = [] if is_broken() else traces.left(traces.changed())
        return f"was refused and has written into {', '.join(left)}" if left else ""
    except Exception as crash:  # noqa: BLE001 - whatever it is, a person would have seen an error page
        return f"{type(crash).__name__}: {str(crash)[:150]}"
    finally:
        connection.needs_rollback = False
        transaction.savepoint_rollback(point)


def main(seed: str = "1", rounds: str = "1", spoil: str = "12", large: str = "") -> None:
    found, began = [], time.monotonic()
    logging.getLogger("django").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, clock.frozen_at(START), transaction.atomic():
        settings.MEDIA_ROOT = folder
        everything = readers(load_world())
        traces = Traces()
        if large:
            nasty.large_files()
        before = forget_the_peak()  # this process holds the files and what they are read into
        for n in range(int(rounds)):
            found += faults(f"{seed}:{n}", everything, traces, spoil=int(spoil), large=bool(large))
        transaction.set_rollback(True)
    said = {
        "seed": seed,
        "readers": list(everything),
        "faults": found,
        "peak_mb": WORKER_MB + peak_mb() - before,
    }
    print(json.dumps(said | {"seconds": round(time.monotonic() - began)}, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
