"""What follows a restore, whoever made it: payments stand still, and the books and the trail are looked over.

The mark `restored.json` lies in the data folder from the restore until its freeze stands in the database, so a freeze that
the database has no table for yet (a backup of an older program) comes with the migration and is not forgotten.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from casework.embedded_postgres.place import RESTORED
from funds import freezing
from funds.models import PaymentFreeze


def is_marked() -> bool:
    """Whether a restore waits for its freeze: then the program is not ready."""
    return (settings.DATA_DIR / RESTORED).exists()


def freeze_if_marked() -> PaymentFreeze | None:
    """Turn the mark into a freeze. None without a mark, or while the database has no table for it."""
    mark = settings.DATA_DIR / RESTORED
    if not mark.exists() or PaymentFreeze._meta.db_table not in connection.introspection.table_names():
        return None
    about = json.loads(mark.read_text())
    reached = datetime.fromisoformat(about["reached"]) if about["reached"] else None
    made = freezing.freeze(source=Path(about["source"]).name, reached=reached, at=datetime.fromisoformat(about["at"]))
    mark.unlink()
    return made


def look_over(data_dir: Path, *, say: Callable[[str], None], is_quick: bool = False) -> dict[str, Any]:
    """Freeze, then prove trail and books, in processes of their own that use what was restored and nothing else.

    Returns {payments, ledger, audit}: "frozen" or what to do, and of the two proofs "sound", or the end of what they said.
    `is_quick` leaves the proofs to whoever restores; the freeze never.
    """
    _manage(data_dir, "db", "rights")  # a backup names no roles; without theirs not even the freeze can be written
    say("freezing payments")
    answer = {"payments": _frozen(data_dir)}
    if is_quick:
        return answer
    for name, command in (("ledger", ["ledger", "check"]), ("audit", ["audit", "verify"])):
        say(f"looking over: manage.py {' '.join(command)}")
        done = _manage(data_dir, *command)
        answer[name] = "sound" if done.returncode == 0 else (done.stdout + done.stderr).strip()[-1000:]
    return answer


def _frozen(data_dir: Path) -> str:
    done = _manage(data_dir, "payments", "freeze", "--restored")
    if done.returncode == 0:
        return "frozen until the bank's statement is reconciled and two persons lift it"
    return (
        "will be frozen by `manage.py migrate`, which this backup of an older program needs: "
        + done.stderr.strip()[-300:]
    )


def _manage(data_dir: Path, *command: str) -> subprocess.CompletedProcess:
    there = {name: value for name, value in os.environ.items() if name not in ("PGOPTIONS",)}
    there["CASEWORK_DATA_DIR"] = str(data_dir)
    if Path(data_dir) != settings.DATA_DIR:
        there.pop("DATABASE_URL", None)
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
    return subprocess.run(manage, env=there, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
