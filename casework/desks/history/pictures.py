"""What a page says of a record at a moment: sections of facts, and what cannot be known."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from audit.models import Entry
from audit.operations import BYPASS_REASON
from casework.days import full_day, full_moment
from casework.desks.history import moments
from casework.desks.history.moments import Until


@dataclass
class Section:
    """`facts` for parts/_facts.html; without any, `nothing` says so."""

    title: str
    facts: list[dict[str, Any]]
    nothing: str = ""
    url: str = ""
    link: str = ""


@dataclass
class Picture:
    """A record as it was. `unknown` are sentences about what cannot be known; without sections it was not there.

    `last` is the newest entry that is part of it, from which one steps back and on.
    """

    sections: list[Section] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    last: datetime.datetime | None = None
    version: Any = None

    def add(self, title: str, facts: list[dict[str, Any]], nothing: str = "", url: str = "", link: str = "") -> None:
        self.sections.append(Section(title, facts, nothing or _("当时还没有。"), url, link))


def version_at(model: Any, pk: int, until: Until | None) -> tuple[Any, list[str]]:
    """(the record's version by then, or None; sentences about what cannot be known). Two queries."""
    rows = model.history.filter(id=pk).order_by("-history_id")
    version = (rows.filter(moments.condition(until)) if until is not None else rows).first()
    first = rows.last()
    unknown = []
    if first is None:
        return None, [_("这条记录没有留下历史，过去的样子看不到。")]
    if version is None:
        began = full_moment(first.history_date)
        if not moments.is_instant(until) and moments.written(first) != moments.local_day(first.history_date):
            began = full_day(moments.written(first))  # a day is a business day
        if first.history_type == "+":
            return None, [_("这条记录是 %(at)s 才写下的，那时候还没有。") % {"at": began}]
        return None, [_("这条记录的历史从 %(at)s 开始，再早的样子没有留下。") % {"at": began}]
    if version.history_type == "-":
        return None, [_("这条记录在 %(at)s 删掉了，那时候已经没有。") % {"at": full_moment(version.history_date)}]
    if first.history_type != "+":
        unknown.append(_("历史从 %(at)s 开始，再早改过什么不知道。") % {"at": full_moment(first.history_date)})
    if (version.history_change_reason or "").startswith(BYPASS_REASON):
        unknown.append(_("这一版是绕过程序写的，是谁写的不知道。"))
    return version, unknown


def neighbours(record: Any, version: Any) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """(when the version before was written down, when the one after), by the chain; for a record looked at by itself."""
    rows = type(record).history.filter(id=record.pk)
    if version is None:
        return None, _written(rows.order_by("history_id").first())
    earlier = rows.filter(history_id__lt=version.history_id).order_by("-history_id").first()
    return _written(earlier), _written(rows.filter(history_id__gt=version.history_id).order_by("history_id").first())


def _written(version: Any) -> datetime.datetime | None:
    """The moment of its entry, which is a little after its own; a first version of an import has no entry."""
    if version is None:
        return None
    own = Entry.objects.filter(table=version._meta.db_table, row_id=version.history_id, keys__isnull=True)
    return own.values_list("recorded_at", flat=True).first() or version.history_date
