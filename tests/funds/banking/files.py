"""Files as banks send them, made by hand for a test."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import xlsxwriter

from funds.banking.formats import AnswerFormat, ListFormat, built_in
from funds.banking.writing import ListFacts, PayLine, write

HEADING = ["客户流水", "收款账号", "户名", "金额", "处理结果", "失败原因", "银行流水号"]
GOOD = ["QH0001", "9999990000000000014", "江正", "800.00", "成功", "", "R1"]
DAY = date(2026, 3, 16)


def list_format(code: str) -> ListFormat:
    return next(one for one in built_in() if isinstance(one, ListFormat) and one.code == code)


def answer_format(code: str) -> AnswerFormat:
    return next(one for one in built_in() if isinstance(one, AnswerFormat) and one.code == code)


def csv_file(*rows: Sequence[str], encoding: str = "utf-8-sig", delimiter: str = ",") -> io.BytesIO:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def xlsx_file(*rows: Sequence[Any], sheets: Iterable[str] = ("回单",)) -> io.BytesIO:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False})
    for name in sheets:
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    file.seek(0)
    return file


def fixed_line(*cells: tuple[str, int], encoding: str = "gb18030") -> bytes:
    return b"".join(text.encode(encoding).ljust(width) for text, width in cells)


def sqhz_line(n: int, line: PayLine, status: str = "00", reason: str = "") -> bytes:
    return fixed_line(
        ("D", 1), (f"{n:08}", 8), (line.serial, 32), (line.account, 32), (line.name, 60), (f"{line.amount_fen:015}", 15),
        ("20260318", 8), (status, 2), (reason, 40), (f"R{n}", 24),
    )  # fmt: skip


def facts_of(lines: Sequence[PayLine], **changed: Any) -> ListFacts:
    facts = {"batch": "PB-1", "day": DAY, "count": len(lines), "total_fen": sum(line.amount_fen for line in lines)}
    return ListFacts(**{**facts, "purpose": "临时救助", **changed})


def written(form: ListFormat, lines: Sequence[PayLine], **changed: Any) -> bytes:
    file = io.BytesIO()
    write(form, facts_of(lines, **changed), lines, file)
    return file.getvalue()
