"""The last seal of a day, taken out of the house: a file for another machine, and a mail to another office.

Only what has left shows that a trail was made anew by somebody who has both the database and the key.
"""

import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from audit import checkpoints
from audit.errors import NothingToExport
from audit.models import Checkpoint


@dataclass(frozen=True)
class Anchor:
    """`line` is the short form, as on papers. `path` is the file, "" when no folder is set; `mailed_to` whoever got it."""

    line: str
    path: str
    mailed_to: list[str]
    size: int
    root: str


def line(seal: Checkpoint) -> str:
    """size, first 16 digits of the root, time in UTC."""
    return f"{seal.total} {seal.fingerprint} {checkpoints.utc(seal.made_at)[:19]}Z"


def facts(seal: Checkpoint) -> dict[str, object]:
    """The whole signed statement, with the public key by which anybody can check it."""
    return {
        "log": bytes(seal.log_id).hex(),
        "made_at": checkpoints.utc(seal.made_at),
        "previous": bytes(seal.previous or b"").hex(),
        "public_key": checkpoints.public_key().hex(),
        "root": bytes(seal.root).hex(),
        "short": line(seal),
        "signature": bytes(seal.signature).hex(),
        "size": seal.total,
    }


def publish(folder: Path | None = None) -> Anchor:
    """Seal, write anchor-DATE.json into the folder (or CASEWORK_ANCHOR_DIR) and mail it to CASEWORK_ANCHOR_MAIL.

    One file a day, replaced as a whole; it names nobody. Raises NothingToExport when nothing was ever written, OSError,
    SMTPException.
    """
    checkpoints.seal_all()
    seal = checkpoints.latest()
    if seal is None or not seal.is_of_tree:
        raise NothingToExport("Nothing is sealed yet, so there is no anchor.")
    text = json.dumps(facts(seal), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    folder = folder or settings.ANCHOR_DIR
    path = _write(Path(folder), seal.made_at, text) if folder else ""
    if settings.ANCHOR_MAIL:
        send_mail(f"casework anchor {line(seal)}", text, None, settings.ANCHOR_MAIL)
    return Anchor(line(seal), path, list(settings.ANCHOR_MAIL), seal.total, bytes(seal.root).hex())


def _write(folder: Path, made_at: datetime.datetime, text: str) -> str:
    day = made_at.astimezone(timezone.get_default_timezone()).date()
    path = folder / f"anchor-{day.isoformat()}.json"
    unfinished = path.with_suffix(".unfinished")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
    return str(path)
