"""A statement as a file: its figures, then every row. Each says who took it and when; no cell is a formula to a spreadsheet."""

import csv
import io
import itertools
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import xlsxwriter
from django.core.files.base import File
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from access.models import Staff
from audit.cells import plain_cell
from casework.days import full_moment
from casework.desks.funds import figures
from casework.desks.funds.figures import case_id_of
from casework.desks.funds.reach import cases_in_reach
from casework.desks.funds.statement_scope import DIRECTION_WORDS, Asked, asked
from casework.watermark import Mark, mark_book
from funds import periods
from funds.errors import FundsError
from jobs import runner
from jobs.models import Job

JOB = "statement_file"
MOST_AT_ONCE = 5_000  # rows; more than that is a job
CONTENT_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
CHUNK = 2_000
Told = Callable[[int], None]


def name_of(wanted: Asked, form: str) -> str:
    return f"{wanted.title}-{wanted.first}-{wanted.last}.{form}"


def written(wanted: Asked, *, form: str, by: Any, mark: Mark, progress: Told = lambda done: None) -> IO[bytes]:
    """The file, open at its beginning; rows are read and written piece by piece."""
    head, rows = list(_head(wanted, mark)), _rows(wanted, by, progress)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    if form == "xlsx":
        _xlsx(file, head, rows, mark)
    else:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        csv.writer(text).writerows([_cell(value) for value in row] for row in [mark.row, *head, [], *rows])
        text.detach()
    file.seek(0)
    return file


class Fen(int):
    """A cell with an amount: yuan in figures, which a spreadsheet may add up."""

    def __str__(self) -> str:
        return f"{'-' if self < 0 else ''}{abs(self) // 100}.{abs(self) % 100:02}"


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, int) else plain_cell(value)


def _head(wanted: Asked, mark: Mark) -> Iterator[list[Any]]:
    found = wanted.scope.between(wanted.first, wanted.last)
    yield [_("对账单"), wanted.title, wanted.about]
    yield [_("从"), wanted.first, _("到"), wanted.last]
    yield [_("谁导出的"), f"{mark.who} {full_moment(mark.at)}", mark.why]
    yield [_("账本是否平"), _("平") if found.ties else _("不平，请告诉审计")]
    yield []
    yield [_("方向"), _("种类"), _("笔数"), _("金额（元）")]
    yield [_("期初"), "", "", Fen(found.opening_fen)]
    for line in found.lines:
        words = f"{figures.KIND_WORDS[line.kind]}{_('（冲正）') if line.is_reversal else ''}"
        yield [DIRECTION_WORDS[line.direction], words, line.count, Fen(line.amount_fen)]
    yield [_("期末"), "", "", Fen(found.closing_fen)]
    yield []
    yield [_("其中"), _("期初"), _("增加"), _("减少"), _("期末")]
    for stage in found.stages:
        fens = (stage.opening_fen, stage.in_fen, stage.out_fen, stage.closing_fen)
        yield [figures.ACCOUNT_WORDS[stage.kind], *map(Fen, fens)]


def _rows(wanted: Asked, by: Any, progress: Told) -> Iterator[list[Any]]:
    yield [
        _("日期"),
        _("种类"),
        _("方向"),
        _("个案"),
        _("文件号"),
        _("说明"),
        _("金额（元）"),
        _("属于哪天的付款"),
        _("流水号"),
    ]
    found = wanted.scope.rows(wanted.first, wanted.last)
    done, last = 0, None
    while True:
        after = (
            found.filter(business_date__gte=last[0]).exclude(business_date=last[0], pk__lte=last[1]) if last else found
        )
        chunk = list(after[:CHUNK])
        if not chunk:
            return
        late = periods.belongs_to(chunk)
        ids = {case_id_of(row.subject) for row in chunk} - {None}
        numbers = dict(cases_in_reach(by).filter(pk__in=ids).values_list("pk", "case_no"))
        for row in chunk:
            words = f"{figures.KIND_WORDS[row.kind]}{_('（冲正）') if row.is_reversal else ''}"
            yield [
                row.business_date,
                words,
                DIRECTION_WORDS[row.direction],
                numbers.get(case_id_of(row.subject) or 0, ""),
                row.document_no,
                row.reason,
                Fen(row.amount_fen),
                late.get(row.pk, ""),
                row.key,
            ]
        last = (chunk[-1].business_date, chunk[-1].pk)
        done += len(chunk)
        progress(done)


def _xlsx(file: IO[bytes], head: list[list[Any]], rows: Iterator[list[Any]], mark: Mark) -> None:
    inert = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, {"constant_memory": True, **inert})
    money = book.add_format({"num_format": "#,##0.00"})
    for name, lines in ((_("对账单"), head), (_("明细"), rows)):
        sheet = book.add_worksheet(name)
        sheet.set_column(0, 8, 18)
        for n, row in enumerate(itertools.chain([mark.row], lines)):
            for column, value in enumerate(row):
                _write(sheet, n, column, value, money)
    mark_book(book, mark)
    book.close()


def _write(sheet: Any, n: int, column: int, value: Any, money: Any) -> None:
    if isinstance(value, Fen):
        sheet.write_number(n, column, int(value) / 100, money)  # a cell holds nothing finer
    elif isinstance(value, int):
        sheet.write_number(n, column, value)
    else:
        sheet.write_string(n, column, plain_cell(value))


@runner.runs(JOB, refusals=(FundsError,))
def _run(job: Job, progress: runner.Progress) -> runner.Answer:
    """What she may see is asked again when the job runs."""
    given, by = job.params, Staff.objects.get(pk=job.requested_by_id)
    try:
        wanted = asked(by, given)
    except Http404 as error:
        raise FundsError(_("这份对账单现在不在你的范围里，没有生成。")) from error
    total = wanted.scope.rows(wanted.first, wanted.last).count()
    mark = Mark(by.name, timezone.now(), given["reason"])
    file = written(
        wanted, form=given["form"], by=by, mark=mark, progress=lambda done: progress(done, total=total, step=_("写入"))
    )
    name = name_of(wanted, given["form"])
    return runner.Answer({"filename": name, "rows": total}, File(file, name=f"statement-{job.pk}.{given['form']}"))
