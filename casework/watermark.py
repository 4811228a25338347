"""Who took something out of the program, when and why: written down, and standing on what was taken.

    mark = taken_by(user, subject="case:17", fields="trail", reason="抽查第 3 号")     the access log first, then the mark
    write.writerow(mark.row)                                                        on a sheet of text
    mark_book(book, mark)                                                           on each sheet of a workbook

Whatever leaves as a sheet or a PDF carries its mark visibly. A list for a bank does not, since a bank refuses a line that it
does not know: there the reason stands in the access log and the person in the row of the file (funds.BankFile). Copies of
papers that came in from outside stay as they are, byte for byte; who opened one stands in the access log.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from audit.cells import plain_cell
from audit.services import record_access
from casework.days import full_moment
from casework.errors import ReasonNeeded

SHORTEST = 4  # characters of a reason
LONGEST = 160  # the access log keeps 200, and a reason that came through a job has its number added


@dataclass(frozen=True)
class Mark:
    """What stands on every page or sheet."""

    who: str
    at: datetime.datetime
    why: str

    @property
    def line(self) -> str:
        return _("%(who)s 于 %(at)s 导出，原因：%(why)s。转给别人，要负责任。") % {
            "who": self.who,
            "at": full_moment(self.at),
            "why": self.why,
        }

    @property
    def short(self) -> str:
        """For behind the words of a page."""
        return f"{self.who}　{timezone.localtime(self.at):%Y-%m-%d %H:%M}　{self.why[:24]}"

    @property
    def row(self) -> list[str]:
        """The first line of a sheet of text; no spreadsheet takes it for a formula."""
        return [plain_cell(self.line)]

    @property
    def facts(self) -> dict[str, str]:
        """For a file that programs read."""
        return {"who": self.who, "at": self.at.isoformat(), "why": self.why}


def taken_by(by: Any, *, subject: str, fields: str, reason: str) -> Mark:
    """Write down that `by` takes `fields` of `subject` away, in the caller's transaction, and say it on the thing.

    Raises ReasonNeeded when nothing is said, or less than four characters.
    """
    why = demand_reason(reason)
    record_access(kind="export", subject=subject, fields=fields, reason=why)
    return Mark(by.name, timezone.now(), why)


def demand_reason(reason: str) -> str:
    """The reason, trimmed. Raises ReasonNeeded."""
    why = " ".join(reason.split())
    if len(why) < SHORTEST:
        raise ReasonNeeded(_("请写明为什么导出，至少四个字。"))
    return why[:LONGEST]


def mark_book(book: Any, mark: Mark) -> None:
    """Put the mark at the head and the foot of every printed page of a workbook (xlsxwriter)."""
    text = mark.line.replace("&", "&&")[:200]
    for sheet in book.worksheets():
        sheet.set_header(f"&C{text}")
        sheet.set_footer(f"&L{text[:120]}&R&P / &N")


class WhyForm(forms.Form):
    """The question that stands before every export."""

    reason = forms.CharField(
        label=_l("为什么导出"),
        max_length=LONGEST,
        min_length=SHORTEST,
        help_text=_l("至少四个字。谁导出、什么时候、为什么，会记下来，也写在文件里。"),
        error_messages={"min_length": _l("请写明为什么导出，至少四个字。")},
    )
