"""Opens a file that a bank sent, whatever its name says, and hands out its rows.

Nothing in it is trusted and nothing is run: macros, links and formulas stay text. A workbook is measured whole before
it is opened, because a few bytes can announce a table of billions of cells; and it is opened in a process of its own,
because not everything that a few bytes can announce is known.
"""

import codecs
import csv
import datetime
import io
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from django.utils.translation import gettext as _

from funds.banking.errors import BrokenFile, BrokenRow, EncryptedFile, FileTooLarge, WrongEncoding, WrongFileType
from funds.banking.formats import CSV, XLSX
from funds.banking.unpacking import HAS_PASSWORD

MEGABYTE: Final = 1024 * 1024
LARGEST_TEXT_FILE: Final = 60 * MEGABYTE
LARGEST_WORKBOOK: Final = 30 * MEGABYTE
LARGEST_UNPACKED: Final = 200 * MEGABYTE
HIGHEST_RATIO: Final = 200  # unpacked to packed; sheets of banks stay below 30
MOST_PARTS: Final = 500
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
MOST_CELLS: Final = 4_000_000  # of the smallest rectangles around what the sheets hold
UNPACKING_SECONDS: Final = 180

LONGEST_LINE: Final = 200_000  # characters; none is a row of a table, and it would come apart into millions of cells

BLOCK: Final = 256 * 1024
# Where a cell or row says it stands. An address that is written in any other way is not one of a spreadsheet program.
ADDRESS = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]{0,3}+)([0-9]{0,7}+)(.)", re.DOTALL)
DELIMITERS = (",", "\t", ";", "|")
UNPACKING = os.path.join(os.path.dirname(__file__), "unpacking.py")
UNREADABLE = (BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that may hold the answer. `rows` begins anew at every call and counts lines of the file from 1."""

    kind: str
    encoding: str
    delimiter: str
    sheet: str
    rows: Callable[[], Iterator[tuple[int, list[Any]]]]


def tables(source: BinaryIO) -> Iterator[Table]:
    """The visible sheets of a workbook, or a text file under each delimiter that its first lines could be parted by.

    `source` is a seekable binary file. Raises WrongFileType, EncryptedFile, BrokenFile, FileTooLarge or WrongEncoding.
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    start = source.read(4096)
    if not start.strip():
        raise WrongFileType(words=_("是空的"))
    if start.startswith(b"PK"):
        yield from _sheets(source, size)
    else:
        encoding = _text_encoding(source, start, size)
        for delimiter in DELIMITERS:
            if delimiter.encode() in start:
                yield Table(CSV, encoding, delimiter, "", _csv_rows(source, encoding, delimiter))


def is_text(source: BinaryIO) -> bool:
    source.seek(0)
    start = source.read(4096)
    return not start.startswith((b"PK", b"\xd0\xcf\x11\xe0")) and b"\0" not in start


def limit(what: str, found: int, most: int) -> None:
    if found > most:
        raise FileTooLarge(what=what, found=f"{found:,}", limit=f"{most:,}")


# Workbooks


def _sheets(source: BinaryIO, size: int) -> Iterator[Table]:
    _measure(source, size)
    unpacked = _unpacked(source)
    unpacked.seek(-8, os.SEEK_END)
    unpacked.seek(int.from_bytes(unpacked.read(8)))
    for name, start in _Cells(unpacked).load():
        yield Table(XLSX, "", "", name, _sheet_rows(unpacked, start))


class _Cells(pickle.Unpickler):
    """Reads texts, numbers and days back and nothing else: a workbook that took over the process that unpacks it gets no further."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "datetime" and name in ("date", "datetime", "time", "timedelta"):
            return getattr(datetime, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no value of a cell")


def _unpacked(source: BinaryIO) -> IO[bytes]:
    """What `unpacking` makes of the workbook. That it dies, or takes too long, is a refusal."""
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as somebody holds a table of it
    with tempfile.TemporaryFile() as book:
        source.seek(0)
        shutil.copyfileobj(source, book)
        book.seek(0)
        try:
            subprocess.run(
                [sys.executable, "-I", UNPACKING], stdin=book, stdout=unpacked, stderr=subprocess.DEVNULL,
                timeout=UNPACKING_SECONDS, check=True,
            )  # fmt: skip
        except subprocess.CalledProcessError as died:
            raise (EncryptedFile if died.returncode == HAS_PASSWORD else BrokenFile) from died
        except subprocess.TimeoutExpired as endless:
            raise BrokenFile from endless
    return unpacked


def _sheet_rows(unpacked: IO[bytes], start: int) -> Callable[[], Iterator[tuple[int, list[Any]]]]:
    def rows() -> Iterator[tuple[int, list[Any]]]:
        place, number = start, 0
        while True:
            unpacked.seek(place)  # another table may have been read meanwhile
            block = _Cells(unpacked).load()
            if block is None:
                return
            place = unpacked.tell()
            for row in block:
                number += 1
                yield number, row

    return rows


def _measure(source: BinaryIO, size: int) -> None:
    """Refuse what is no workbook or too large. Every part is unpacked once, block by block, so what the directory of the archive announces is checked as well."""
    limit(_("文件大小（字节）"), size, LARGEST_WORKBOOK)
    try:
        with ZipFile(source) as archive:
            parts = archive.infolist()
            names = [part.filename for part in parts]
            limit(_("文件内的部件数"), len(parts), MOST_PARTS)
            unpacked = sum(part.file_size for part in parts)
            limit(_("解压后的大小（字节）"), unpacked, LARGEST_UNPACKED)
            if unpacked > MEGABYTE:
                limit(_("压缩比"), unpacked // max(size, 1), HIGHEST_RATIO)
            if "xl/workbook.xml" not in names:
                raise WrongFileType(words=_("是压缩包，不是 xlsx 表格"))
            if len(set(names)) < len(names):
                raise BrokenFile
            cells = 0
            for part in parts:
                is_sheet = part.filename.startswith("xl/worksheets/")
                rows, columns = _extent(archive, part.filename, is_sheet)
                limit(_("表格的行数（含只有格式的空行）"), rows, MOST_ROWS)
                limit(_("表格的列数（含只有格式的空列）"), columns, MOST_COLUMNS)
                cells += rows * columns
            limit(_("单元格数"), cells, MOST_CELLS)
    except UNREADABLE as broken:
        raise BrokenFile from broken


def _extent(archive: ZipFile, name: str, is_sheet: bool) -> tuple[int, int]:
    """Last row and last column that a part speaks of; unpacking it to the end also proves its size and checksum."""
    last_row, letters, rest = 0, b"", b""
    with archive.open(name) as part:
        while block := part.read(BLOCK):
            if not is_sheet:
                continue
            found = ADDRESS.findall(rest + block)
            for column, row, end in found:
                if end not in b"\"'":
                    raise BrokenFile
                if row and int(row) > last_row:
                    last_row = int(row)
                if (len(column), column) > (len(letters), letters):
                    letters = column
            rest = block[-32:]
            if b"\0" in block:
                raise BrokenFile
    column = 0
    for letter in letters.upper():
        column = column * 26 + letter - 64
    return last_row, column


# Text


def _text_encoding(source: BinaryIO, start: bytes, size: int) -> str:
    begins = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        if b"E\0n\0c\0r\0y\0p\0t\0e\0d" in start or _holds(source, b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e"):
            raise EncryptedFile
        raise WrongFileType(words=_("是旧版的 .xls 表格"))
    if begins.startswith(b"%pdf"):
        raise WrongFileType(words=_("是 PDF"))
    if begins.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head")):
        raise WrongFileType(words=_("其实是网页，不是表格"))
    limit(_("文件大小（字节）"), size, LARGEST_TEXT_FILE)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates: tuple[str, ...] = ("utf-16",)
    elif b"\0" in start:
        raise WrongFileType(words=_("不是文字文件"))
    else:
        candidates = ("utf-8-sig", "gb18030")
    places = []
    for encoding in candidates:
        place = _undecodable(source, encoding)
        if place is None:
            return "utf-8" if encoding == "utf-8-sig" and not start.startswith(codecs.BOM_UTF8) else encoding
        places.append(place)
    raise WrongEncoding(line=max(places))


def _holds(source: BinaryIO, needle: bytes) -> bool:
    source.seek(0)
    return needle in source.read(LARGEST_WORKBOOK)


def _undecodable(source: BinaryIO, encoding: str) -> int | None:
    """The line of the first byte that the encoding cannot read; None where it reads the whole file."""
    source.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        block = source.read(BLOCK)
        try:
            line += decoder.decode(block, final=not block).count("\n")
        except UnicodeDecodeError as broken:
            return line + broken.object[: broken.start].count(b"\n")
        if not block:
            return None


def _csv_rows(source: BinaryIO, encoding: str, delimiter: str) -> Callable[[], Iterator[tuple[int, list[Any]]]]:
    def rows() -> Iterator[tuple[int, list[Any]]]:
        source.seek(0)
        text = io.TextIOWrapper(source, encoding=encoding, newline="")
        # Strict: an open quote would otherwise swallow the lines after it.
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        line = 0
        try:
            for row in reader:
                yield line + 1, row
                line = reader.line_num
        except csv.Error as broken:
            raise BrokenRow(line=line + 1) from broken
        finally:
            if not source.closed:
                text.detach()  # the file belongs to the caller, who closes it

    return rows


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Raises csv.Error at one that is too long, before it is parted."""
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise csv.Error("a line that is too long")
        yield line


def fixed_rows(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a fixed-width file, without their ends."""
    size = source.seek(0, os.SEEK_END)
    limit(_("文件大小（字节）"), size, LARGEST_TEXT_FILE)
    source.seek(0)
    for number, line in enumerate(source, 1):
        yield number, line.rstrip(b"\r\n\x1a")
