"""What is about all cases of a pack: the index with its page numbers, and the way of each payment."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from audit import checkpoints
from audit.cells import plain_cell
from audit.models import Checkpoint
from casework.chain import TITLES, Step
from casework.days import full_day
from casework.inspection.case_file import CaseFile
from casework.typeset import Document, Facts, Made, Part, Table, Words
from casework.watermark import Mark
from funds.models import Payment
from funds.money import yuan


@dataclass(frozen=True)
class Line:
    """One case in the index. `pages` are those of its chapters, counted through the whole pack."""

    n: int
    file: CaseFile
    volume: int
    first: int
    last: int
    pages: dict[str, int]
    name: str
    sha256: str

    @property
    def paid_fen(self) -> int:
        paid = sum(payment.amount_fen for payment, _way in self.file.ways if payment.state == Payment.State.CREDITED)
        return paid + sum(handed.amount_fen - handed.back_fen for handed in self.file.trail.handed_out)


@dataclass(frozen=True)
class Row:
    """What stays in memory of a case once its file is written."""

    cells: list[Any]  # for the sheet
    short: list[str]  # for the page
    paid_fen: int


@dataclass
class Lists:
    chapters: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    payments: list[list[Any]] = field(default_factory=list)

    def add(self, line: Line) -> None:
        case, file = line.file.case, line.file
        self.chapters = list(line.pages)
        place = f"{case.township.name} {case.village.name}"
        bad = sum(1 for paper in file.papers if paper.problem)
        hits = len(file.findings.hits.get(case.pk, ()))
        intact = _("对得上") if file.trail.is_intact else _("对不上")
        before = [line.n, case.case_no, case.head_name, place, str(case.spec.title)]
        cells = [
            *before, _plain(case.amount_fen), _plain(line.paid_fen), line.volume, f"{line.first}-{line.last}",
            *line.pages.values(), len(file.papers), bad, hits, intact, line.name, line.sha256,
        ]  # fmt: skip
        short = [*before, yuan(case.amount_fen), line.volume, *line.pages.values(), len(file.papers)]
        self.rows.append(Row(cells, [str(cell) for cell in short], line.paid_fen))
        self.payments += [_payment(file, payment, way) for payment, way in file.ways]

    @property
    def paid_fen(self) -> int:
        return sum(row.paid_fen for row in self.rows)

    def index_csv(self, mark: Mark) -> Iterator[bytes]:
        heads = [
            _("序"), _("个案编号"), _("户主"), _("地方"), _("帮扶"), _("金额（元）"), _("已付（元）"), _("第几卷"), _("总页码"),
            *(_("%(title)s，总第几页") % {"title": title} for title in self.chapters),
            _("材料"), _("材料有问题"), _("规则查到"), _("记录校验"), _("文件"), _("SHA-256"),
        ]  # fmt: skip
        return sheet(mark, heads, (row.cells for row in self.rows))

    def payments_csv(self, mark: Mark) -> Iterator[bytes]:
        heads = [
            _("个案编号"), _("付款"), _("付给"), _("银行"), _("账户尾号"), _("金额（元）"), _("状态"), _("回单号"),
            *(str(title) for title in TITLES.values()),
        ]  # fmt: skip
        return sheet(mark, heads, self.payments)

    def index(
        self, number: str, words: str, mark: Mark, seal: Checkpoint | None, pages: int, problems: int
    ) -> Document:
        """The first thing that an inspector opens."""
        chapters = len(self.chapters)
        about = Facts(
            [
                (_("选了什么"), words),
                (_("谁做的、为什么"), mark.line),
                (_("几件"), len(self.rows)),
                (_("几页"), pages),
                (_("已付合计"), _("%(amount)s 元") % {"amount": yuan(self.paid_fen)}),
                (_("材料有问题"), problems),
                (_("记录的封存码"), f"{seal.total} {bytes(seal.root).hex()}" if seal else _("还没有封存")),
            ]
        )
        how = Words(
            [
                _("各章下面的数是总页码，印在每页右下角。章名：%(chapters)s。")
                % {"chapters": _("；").join(self.chapters)},
                _("卷宗在 cases/编号/file.pdf，交上来的原件在 cases/编号/papers/。"),
                _("每个文件的 SHA-256 在 manifest.json 里，用 verify_pack.py 核对；怎样核对写在 README.txt 里。"),
            ]
        )
        numbers = [title.partition("　")[0] for title in self.chapters]
        table = Table(
            ["#", _("个案编号"), _("户主"), _("地方"), _("帮扶"), _("金额（元）"), _("卷"), *numbers, _("材料")],
            [row.short for row in self.rows],
            wide=(3,),
            right=(0, 5, 6, *range(7, 8 + chapters)),
        )
        return Document(
            title=f"{_('迎检包')} {number}",
            about=[words],
            of=number,
            mark=mark,
            parts=[Part(_("这一包"), [about, how]), Part(_("目录"), [table])],
            is_wide=True,
        )


def _payment(file: CaseFile, payment: Payment, way: list[Step]) -> list[Any]:
    told = [f"{step.words} {full_day(step.on)}".strip() for step in way]
    return [
        file.case.case_no, payment.key, payment.payee_name, payment.bank, payment.account_last4, _plain(payment.amount_fen),
        str(payment.get_state_display()), payment.bank_reference, *told,
    ]  # fmt: skip


def sheet(mark: Mark, heads: list[Any], rows: Any) -> Iterator[bytes]:
    """A sheet of text with its mark at its head, line by line."""
    yield "\ufeff".encode()
    for row in (mark.row, heads, *rows):
        line = io.StringIO(newline="")
        csv.writer(line).writerow([plain_cell("" if value is None else value) for value in row])
        yield line.getvalue().encode()


def line_of(n: int, file: CaseFile, made: Made, volume: int, first: int, name: str, sha256: str) -> Line:
    pages = {title: first + page - 1 for title, page in made.places.items()}
    return Line(n, file, volume, first, first + made.pages - 1, pages, name, sha256)


def anchor_of(seal: Checkpoint | None) -> dict[str, Any]:
    """The seal as anybody checks it, {} where there is none."""
    if seal is None:
        return {}
    return {
        "log": bytes(seal.log_id).hex(),
        "made_at": checkpoints.utc(seal.made_at),
        "previous": bytes(seal.previous or b"").hex(),
        "root": bytes(seal.root).hex(),
        "signature": bytes(seal.signature).hex(),
        "size": seal.total,
    }


def _plain(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"
