"""Ordering a pack, and handing out copies of it.

job = order(chosen, reason="省里检查", by=user)          a job makes it; pressed twice it is the same job
file = take(volume, reason="交给检查组", by=user)         the very bytes that were made, once it is written down who has them
"""

import contextlib
import shutil
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from access import confirming
from access.models import OrgUnit
from access.scope import posts_of
from audit.context import acting
from audit.kept_files import is_as_written
from audit.models import AccessLog
from casework import watermark
from casework.auditing import running
from casework.errors import FileSpoilt, NoRoom
from casework.inspection import choosing
from casework.inspection.choosing import Chosen
from casework.inspection.files import folder
from casework.inspection.models import InspectionPack, PackVolume
from casework.models import Case, CaseDocument
from casework.typeset import Typesetter
from jobs import runner
from jobs.models import Job

KIND = "inspection_pack"
CASE_BYTES = 250_000  # of a case's file and what stands in the lists about it; generous
SPARE_BYTES = 200 << 20  # stays free on the disk


@transaction.atomic
def order(chosen: Chosen, *, reason: str, by: Any) -> Job:
    """Queue it; the one that waits or runs already for the same choice of hers, if there is one.

    Raises NotYourTurn, ReasonNeeded, BadCaseData for no case or too many, NoRoom, NotConfirmed.
    """
    confirming.demand(confirming.Kind.EXPORT)
    choosing.side_of(by, chosen.unit)
    why = watermark.demand_reason(reason)
    count = choosing.counted(chosen, by)
    demand_room(choosing.cases_of(chosen, by), count)
    Typesetter()  # says at once that there is no font
    waiting = Job.objects.filter(
        kind=KIND, requested_by_id=by.pk, params__chosen=chosen.stored(), params__reason=why,
        state__in=(Job.State.QUEUED, Job.State.RUNNING),
    ).first()  # fmt: skip
    title = (_("迎检包") + f" · {chosen.words}")[:120]
    return waiting or runner.enqueue(
        KIND, title, by_id=by.pk, params={"chosen": chosen.stored(), "reason": why, "count": count}
    )


def demand_room(cases: QuerySet[Case], count: int) -> None:
    """Papers are copied as they are, so their size is known beforehand. Raises NoRoom."""
    papers = CaseDocument.objects.filter(case__in=cases.order_by().values("pk"))
    needed = (papers.aggregate(size=Sum("document__size_bytes"))["size"] or 0) + count * CASE_BYTES
    free = shutil.disk_usage(folder()).free
    if free < needed + SPARE_BYTES:
        raise NoRoom(
            _("磁盘不够：大约要 %(need)d MB，只剩 %(free)d MB。请把范围分小一点，或请系统管理员腾出地方。")
            % {"need": needed >> 20, "free": free >> 20}
        )


# ---------------------------------------------------------------- copies


def packs_in_reach(user: Any) -> QuerySet[InspectionPack]:
    """Auditors read those of auditors and of the county in their units, the county its own."""
    condition = Q(pk__in=())
    for post in posts_of(user):
        side = choosing.MAKERS.get(post.role)
        if side is None:
            continue
        here = Q(**{f"unit__{post.level}_id": post.unit_id})
        condition |= here if side == InspectionPack.Side.AUDIT else here & Q(side=side)
    return InspectionPack.objects.filter(condition).select_related("unit", "made_by")


def may_make(user: Any) -> bool:
    """Whether she makes packs anywhere: for menus and pages, never for a pack."""
    return any(post.role in choosing.MAKERS for post in posts_of(user))


def units_of(user: Any) -> list[OrgUnit]:
    """Where she may have packs made, the highest first."""
    ids = {post.unit_id for post in posts_of(user) if post.role in choosing.MAKERS}
    return sorted(OrgUnit.objects.filter(pk__in=ids), key=lambda unit: running.LEVELS.index(unit.level))


def take(volume: PackVolume, *, reason: str, by: Any) -> Any:
    """The open file, once it was compared with its fingerprint and it is written down who takes it and why.

    Raises ReasonNeeded, NotConfirmed, FileSpoilt.
    """
    confirming.demand(confirming.Kind.EXPORT)
    why = watermark.demand_reason(reason)
    file = _as_it_was_made(volume)
    with contextlib.ExitStack() as unless_written_down:
        unless_written_down.callback(file.close)
        with transaction.atomic(), acting(by):
            watermark.taken_by(
                by,
                subject=volume.pack.subject,
                fields=f"pack {volume.pack.number} volume {volume.n} {volume.sha256[:16]}",
                reason=why,
            )
        unless_written_down.pop_all()
    return file


def _as_it_was_made(volume: PackVolume) -> Any:
    """The open file, read to its end before its first byte goes out; the same open file is handed out afterwards."""
    try:
        file = volume.read()
    except (OSError, SuspiciousFileOperation) as error:
        raise _spoilt(volume) from error
    if not is_as_written(file, volume.size_bytes, volume.sha256):
        file.close()
        raise _spoilt(volume)
    return file


def _spoilt(volume: PackVolume) -> FileSpoilt:
    return FileSpoilt(
        _("%(file)s 和做成时的指纹不一样，或者不见了，不能交出去。请告诉系统管理员从备份里取回，或者重新做一包。")
        % {"file": volume.filename}
    )


def copies_of(pack: InspectionPack) -> QuerySet[AccessLog]:
    """Who made it and who took which copy of it, the newest first."""
    return AccessLog.objects.filter(subject=pack.subject).order_by("-id")
