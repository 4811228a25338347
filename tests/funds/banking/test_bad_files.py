"""A zoo of files that are no answer of a bank. Each is refused with a sentence, and nothing of it is read as money."""

import io
import re
import zipfile
from typing import Any

import pytest

from funds.banking import opening
from funds.banking.errors import (
    AnswerRefused,
    BrokenFile,
    BrokenRow,
    EncryptedFile,
    FileTooLarge,
    MissingColumns,
    NoHeading,
    NoLines,
    SeveralTables,
    WrongEncoding,
    WrongFileType,
)
from funds.banking.matching import Matching, SentPayment
from funds.banking.reading import read
from tests.funds.banking.files import GOOD, HEADING, answer_format, csv_file, xlsx_file


def refused(
    file: io.BytesIO | bytes, error: type[AnswerRefused], code: str = "COMMON", **options: Any
) -> AnswerRefused:
    with pytest.raises(error) as found:
        list(read(io.BytesIO(file) if isinstance(file, bytes) else file, answer_format(code), **options))
    assert len(str(found.value)) > 15
    return found.value


def repacked(file: io.BytesIO, **parts: bytes) -> bytes:
    """The workbook with some parts exchanged or added; `sheet` and `macros` stand for their long names."""
    names = {
        "sheet": "xl/worksheets/sheet1.xml",
        "macros": "xl/vbaProject.bin",
        "link": "xl/externalLinks/externalLink1.xml",
        "strings": "xl/sharedStrings.xml",
        "relations": "xl/_rels/workbook.xml.rels",
        "elsewhere": "xl/elsewhere.xml",
    }
    changed = {names[name]: content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename not in changed:
                new.writestr(part.filename, old.read(part))
        for name, content in changed.items():
            new.writestr(name, content)
    return out.getvalue()


def part_of(file: io.BytesIO, name: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name)


def sheet_xml(*cells: str) -> bytes:
    body = "".join(cells)
    return f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{body}</sheetData></worksheet>'.encode()


def test_an_empty_file_is_refused() -> None:
    assert "空" in str(refused(b"", WrongFileType))
    refused(b" \r\n\r\n", WrongFileType)


def test_a_pdf_is_refused_whatever_its_name() -> None:
    assert "PDF" in str(refused(b"%PDF-1.7\n" + b"x" * 100, WrongFileType))


@pytest.mark.parametrize(
    "start", [b"<html><table>", b"<!DOCTYPE html>", b"\xef\xbb\xbf<?xml version='1.0'?>", b"\r\n<TABLE border=1>"]
)
def test_a_web_page_that_pretends_to_be_a_table_is_refused(start: bytes) -> None:
    assert "网页" in str(refused(start + "<td>流水号,金额,状态</td>".encode(), WrongFileType))


def test_an_old_xls_is_refused_with_what_to_do() -> None:
    assert ".xls" in str(refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, WrongFileType))


def test_a_workbook_with_a_password_is_refused_as_such() -> None:
    name = "EncryptedPackage".encode("utf-16-le")
    refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9000 + name, EncryptedFile)


def test_a_binary_file_is_refused() -> None:
    refused(b"\x7fELF\0\0\0\0,,,,,", WrongFileType)


def test_a_zip_file_that_is_no_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("bank.csv", "a,b")
    refused(file, WrongFileType)


def test_a_workbook_that_breaks_off_is_refused() -> None:
    whole = xlsx_file(HEADING, GOOD).getvalue()
    refused(whole[: len(whole) // 2], BrokenFile)
    refused(b"PK\x03\x04" + b"junk" * 50, BrokenFile)


def test_a_workbook_with_a_damaged_part_is_refused() -> None:
    whole = bytearray(xlsx_file(HEADING, GOOD).getvalue())
    place = whole.index(b"xl/worksheets/sheet1.xml") + 60
    whole[place : place + 20] = b"\xff" * 20
    refused(bytes(whole), BrokenFile)


def test_a_workbook_whose_xml_is_no_xml_is_refused() -> None:
    refused(repacked(xlsx_file(HEADING, GOOD), sheet=b"<worksheet><sheetData><row r='1'"), AnswerRefused)


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    assert "压缩比" in str(refused(repacked(xlsx_file(HEADING, GOOD), macros=b"\0" * 30_000_000), FileTooLarge))


def test_a_workbook_that_would_unpack_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LARGEST_UNPACKED", 1000)
    refused(xlsx_file(HEADING, GOOD), FileTooLarge)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_line_of_millions_of_cells_is_refused_before_it_is_parted(delimiter: str) -> None:
    import tracemalloc

    whole = csv_file(HEADING, GOOD).getvalue() + f"1{delimiter}".encode() * 3_000_000
    tracemalloc.start()
    try:
        refused(whole, AnswerRefused)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LARGEST_TEXT_FILE", 50)
    monkeypatch.setattr(opening, "LARGEST_WORKBOOK", 50)
    refused(csv_file(HEADING, GOOD), FileTooLarge)
    refused(xlsx_file(HEADING, GOOD), FileTooLarge)


@pytest.mark.parametrize("cell", ["XFD1", "A1048576", "XFD1048576", "ZZZ9999999"])
def test_two_cells_that_span_a_table_of_billions_are_refused(cell: str) -> None:
    sheet = sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>', f"<row><c t='n' a='>' r = '{cell}'><v>1</v></c></row>")
    refused(repacked(xlsx_file(HEADING, GOOD), sheet=sheet), FileTooLarge)


def test_a_cell_whose_address_is_hidden_from_us_is_refused() -> None:
    sheet = sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="&#88;FD1048576"><v>1</v></c></row>')
    refused(repacked(xlsx_file(HEADING, GOOD), sheet=sheet), BrokenFile)


def test_a_row_that_stands_beyond_any_answer_is_refused() -> None:
    sheet = sheet_xml('<row r="1"><c><v>1</v></c></row><row r="1048576"><c><v>1</v></c></row>')
    refused(repacked(xlsx_file(HEADING, GOOD), sheet=sheet), FileTooLarge)


@pytest.mark.parametrize("figure", ["4000000000", "999999999999"])
def test_strings_announced_by_the_billion_are_a_refusal_and_not_our_death(figure: str) -> None:
    strings = part_of(xlsx_file(HEADING, GOOD), "xl/sharedStrings.xml").decode()
    bomb = re.sub(r'(ount=)"[0-9]+"', rf'\1"{figure}"', strings)
    assert bomb != strings

    refused(repacked(xlsx_file(HEADING, GOOD), strings=bomb.encode()), BrokenFile)


def test_a_table_of_billions_that_stands_where_nobody_measures_is_refused() -> None:
    relations = part_of(xlsx_file(HEADING, GOOD), "xl/_rels/workbook.xml.rels")
    sheet = sheet_xml(
        '<row r="1"><c r="A1"><v>1</v></c></row>', '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    )

    elsewhere = relations.replace(b"worksheets/sheet1.xml", b"elsewhere.xml")
    refused(repacked(xlsx_file(HEADING, GOOD), relations=elsewhere, elsewhere=sheet), BrokenFile)


def test_one_long_text_in_every_cell_does_not_fill_memory_or_disk() -> None:
    text = b"<sst><si><t>" + bytes(range(97, 123)) * 40_000 + b"</t></si></sst>"
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 5_001))

    refused(repacked(xlsx_file(HEADING, GOOD), strings=text, sheet=sheet_xml(cells)), AnswerRefused)


def test_a_workbook_that_is_never_done_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "UNPACKING_SECONDS", 0.001)
    refused(xlsx_file(HEADING, GOOD), BrokenFile)


def test_an_address_at_the_edge_of_a_block_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = xlsx_file(HEADING, *[GOOD] * 30)
    for size in range(40, 80):
        monkeypatch.setattr(opening, "BLOCK", size)
        assert len(list(read(file))) == 30


def test_macros_and_links_of_a_workbook_are_left_alone() -> None:
    file = repacked(xlsx_file(HEADING, GOOD), macros=b"Attribute VB_Name", link=b"<externalLink/>")

    (line,) = read(io.BytesIO(file))

    assert line.serial == "QH0001"


def test_a_formula_is_never_calculated() -> None:
    cells = [*GOOD[:3], "=800", *GOOD[4:]]
    (line,) = read(csv_file(HEADING, cells))

    assert line.amount_fen is None
    assert line.findings[0].field == "amount"


def test_two_sheets_with_answers_are_not_read_as_one() -> None:
    words = str(refused(xlsx_file(HEADING, GOOD, sheets=("成功", "失败")), SeveralTables))

    assert "成功" in words and "失败" in words


def test_bytes_of_no_known_encoding_are_refused_with_their_line() -> None:
    file = csv_file(HEADING, GOOD, encoding="gb18030").getvalue() + b"QH0002,\xff\xff,\n"

    assert "第 3 行" in str(refused(file, WrongEncoding))


def test_big5_is_not_mistaken_for_an_answer() -> None:
    refused("流水號,賬號,戶名,金額,處理結果\n".encode("big5"), AnswerRefused)


def test_utf_16_that_breaks_off_in_a_character_is_refused() -> None:
    refused(csv_file(HEADING, GOOD, encoding="utf-16").getvalue()[:-1], WrongEncoding)


def test_a_file_without_a_heading_is_refused() -> None:
    assert "50" in str(refused(csv_file(GOOD, GOOD), NoHeading))
    refused(b"just one word", NoHeading)


def test_a_heading_that_stands_too_far_down_is_not_found() -> None:
    refused(csv_file(*[["x"]] * 60, HEADING, GOOD), NoHeading)


@pytest.mark.parametrize(
    ("left_out", "words"),
    [(["处理结果"], "处理结果"), (["金额"], "金额"), (["收款账号"], "账号"), (["客户流水", "收款账号"], "账号")],
)
def test_a_column_that_is_needed_is_named(left_out: list[str], words: str) -> None:
    places = [n for n, heading in enumerate(HEADING) if heading not in left_out]
    file = csv_file([HEADING[n] for n in places], [GOOD[n] for n in places])

    assert words in str(refused(file, MissingColumns))


def test_a_column_that_stands_twice_is_not_guessed() -> None:
    assert "金额" in str(refused(csv_file([*HEADING, "金额"], [*GOOD, "900.00"]), MissingColumns))


def test_a_heading_with_nothing_below_is_refused() -> None:
    refused(csv_file(HEADING), NoLines)
    refused(xlsx_file(HEADING, [], ["合计", "", "", "0"]), NoLines)


def test_a_quote_that_never_ends_does_not_swallow_the_lines_after_it() -> None:
    file = csv_file(HEADING, GOOD).getvalue() + 'QH2,"9999,江,1.00,成功,,R2\nQH3,9998,江,1.00,成功,,R3\n'.encode()

    assert "第 3 行" in str(refused(file, BrokenRow))


def test_a_cell_of_a_million_characters_is_refused() -> None:
    refused(csv_file(HEADING, [*GOOD[:2], "江" * 1_000_000, *GOOD[3:]]), BrokenRow)


def test_more_lines_than_any_answer_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funds.banking.reading.MOST_ROWS", 3)
    refused(csv_file(HEADING, *[GOOD] * 4), FileTooLarge)


def test_the_answer_of_another_bank_is_no_fixed_width_answer() -> None:
    refused(b"some other text\n", NoHeading, "SQHZ")


def test_a_fixed_width_answer_saved_in_another_encoding_matches_nothing_by_itself() -> None:
    line = (
        "D00000001" + "case:1:pay:1".ljust(32) + "9999990000000000014".ljust(32) + "江正".ljust(56) + "000000000080000"
    )
    file = io.BytesIO(("H\r\n" + line + "20260318" + "00" + "\r\nT00000001000000000080000\r\n").encode("utf-8"))
    sent = [SentPayment("case:1:pay:1", "9999990000000000014", "江正", 80_000)]

    (verdict,) = Matching(sent).verdicts(read(file, answer_format("SQHZ")))

    assert (verdict.column, verdict.reason) == ("probable", "name_differs")
