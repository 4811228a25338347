"""Values and files that programs stumble over. Everything follows from the dice that are given."""

import gzip
import io
import zipfile
from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image

TEXTS = (
    "", " ", "0", "-1", "1e10", "1E+400", "NaN", "Infinity", "-Infinity", "0x10", "1_000", "１２３", "٣", "²", "½", "1.005", "-0", "00",
    "9" * 18, "9" * 19, "9" * 400, "-" + "9" * 30, "2147483648", "9223372036854775808",
    "null", "undefined", "true", "[]", "{}", "[object Object]", "x" * 70_000, "长" * 5_000,
    "a\x00b", "\x00", "\x01\x1f\x7f", "\r\n\r\nSet-Cookie: a=b", "a\u2028b", "\ufeff", "\ufffe", "\u202eabc\u202c", "\u200b", "e\u0301" * 50,
    "👩‍👩‍👧‍👦", "\U0010ffff", "\ud800", "\udfff\ud800", "İ", "ß" * 100, "ﬁ", "龘" * 300,
    "'; DROP TABLE x; --", "%", "_", "\\", "%s", "%(x)s", "{0.__class__}", "{{7*7}}", "{% now %}", "<script>alert(1)</script>",
    "../../etc/passwd", "file:///etc/passwd", "//evil.example", "javascript:alert(1)", "=cmd|' /C calc'!A0", "@x", "+1", "\t=1",
    "2026-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-04-15T25:00", "二〇二六年", "2026-W16-3", "-2026-01-01",
    "999999195003010013", "99999919500301001X", "6222020000000000000", "127.0.0.1", "web:" + "0" * 32, "0" * 32,
)  # fmt: skip
NUMBERS = (0, 1, 2, 7, 99, 2026, 12, 13, 32767, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**30, 987_654_321)
PATHS = ("x", "..", "%00", "%ed%a0%80", "%ff", "１２", "a" * 3_000, "-1", "%2e%2e%2f", "register", "detail", "1.0", "ﬁ")
TYPES = (
    "application/json", "application/json; charset=utf-16", "text/plain", "application/xml", "", "x", "multipart/form-data",
    "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff", "multipart/form-data; boundary=x; charset=utf-16",
    "multipart/form-data; boundary=x; charset=utf-7", "multipart/form-data; boundary=x; charset=nonsense",
    "application/x-www-form-urlencoded; charset=gb18030", "application/x-www-form-urlencoded; charset=utf-16", "application/octet-stream",
)  # fmt: skip
HEADERS = (
    {}, {}, {}, {"HTTP_ACCEPT_LANGUAGE": "x" * 5_000}, {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_COOKIE": "sessionid=\xff; django_language=.."},
    {"HTTP_X_FORWARDED_FOR": "1, 2, x"}, {"HTTP_REFERER": "\x00"}, {"HTTP_IF_MODIFIED_SINCE": "x"}, {"HTTP_RANGE": "bytes=0-"},
    {"HTTP_HOST": "evil.example"}, {"HTTP_HOST": "a" * 300}, {"HTTP_ACCEPT": "application/json"}, {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
)  # fmt: skip


def text(dice: Random) -> str:
    """One of the known ones, two of them, or characters from anywhere."""
    kind = dice.randrange(8)
    if kind == 0:
        return dice.choice(TEXTS) + dice.choice(TEXTS)
    if kind == 1:
        return "".join(
            chr(dice.choice((dice.randrange(0x250), dice.randrange(0x3000, 0xFFFF), dice.randrange(0x110000))))
            for _n in range(9)
        )
    return dice.choice(TEXTS)


# ---------------------------------------------------------------- files


def image(size: tuple[int, int] = (30, 20), form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form)
    return out.getvalue()


def _zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()


def _workbook(sheet: bytes | None = None, **more: bytes) -> bytes:
    """A small real workbook; `sheet` stands in the place of its first sheet."""
    from openpyxl import Workbook

    out, book = io.BytesIO(), Workbook()
    book.active.append(["姓名", "身份证号", 1, -1e300, "=1+1"])
    book.save(out)
    with zipfile.ZipFile(out) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    if sheet is not None:
        parts["xl/worksheets/sheet1.xml"] = sheet
    return _zipped(**parts | more)


_NS = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)
_HEADINGS = "户编号,姓名,公民身份号码,与户主关系,组编码,性别,出生日期\n"


@cache
def files() -> dict[str, bytes]:
    """{name of the file: what is in it}"""
    photo, rows = image(), _HEADINGS + "1,江正,99999919500301001X,户主,990101201201001,男,1950-03-01\n" * 50
    return {
        "empty.csv": b"",
        "nul.csv": rows.encode() + b"\0" * 100,
        "gb18030.csv": rows.encode("gb18030"),
        "half.csv": rows.encode("gb18030")[:-1] + b"\x81",
        "utf16.csv": rows.encode("utf-16"),
        "surrogate.csv": rows.encode() + "\ud800".encode("utf-8", "surrogatepass"),
        "quote.csv": (rows + '"never closed').encode(),
        "wide.csv": (_HEADINGS + "," * 100_000 + "\n").encode(),
        "field.csv": (_HEADINGS + "x" * 300_000 + ",1\n").encode(),
        "binary.csv": Random(1).randbytes(5_000),
        "answer.txt": "1|甲|6222|10.00|成功\r\n".encode("gb18030") * 50,
        "real.jpg": photo,
        "cut.jpg": photo[: len(photo) // 2],
        "flipped.jpg": photo[:200] + bytes(byte ^ 0x55 for byte in photo[200:300]) + photo[300:],
        "deep.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "list.json": b"[1, 2]",
        "null.json": b"null",
        "huge.png": _huge_png(),
        "turned.webp": image(form="WEBP")[:-7],
        "photo.pdf": photo,
        "cut.pdf": b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n",
        "script.pdf": b"%PDF-1.7\n1 0 obj <</OpenAction<</S/JavaScript/JS(app.alert(1))>>>> endobj\n%%EOF",
        "real.xlsx": _workbook(),
        "cut.xlsx": _workbook()[:-40],
        "laughs.xlsx": _workbook(_LAUGHS + _NS + b'<row r="1"><c r="A1" t="str"><v>&j;</v></c></row></sheetData></worksheet>'),
        "outside.xlsx": _workbook(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + _NS + b"&a;</sheetData></worksheet>"),
        "far.xlsx": _workbook(_NS + b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'),
        "odd.xlsx": _workbook(_NS + b'<row r="0"><c r="A0" t="s"><v>999</v></c><c r="1A"/><c t="d"><v>x</v></c></row></sheetData></worksheet>'),
        "nest.zip": _zipped(**{"a.zip": _zipped(**{"b.zip": _zipped(b=bytes(2**20))})}),
        "slip.zip": _zipped(**{"../../evil.csv": rows.encode()}),
        "\u202egpj.exe": photo,
        "../../x.csv": rows.encode(),
    }  # fmt: skip


@cache
def large_files() -> dict[str, bytes]:
    """As large as a form takes them, or larger once they are unpacked."""
    row = "1,江正,99999919500301001X,户主,990101201201001,男,1950-03-01\n"
    return {
        "ten-megabytes.csv": (_HEADINGS + row * 200_000).encode()[: 10 * 2**20],
        "ten-megabytes.bin": bytes(10 * 2**20),
        "ten-megabytes-in-one-line.csv": b"1," * (5 * 2**20),
        "large.jpg": image((7_700, 7_700)),
        "large.webp": image((4_000, 3_900), "WEBP"),
        "large.png": image((4_000, 3_900), "PNG"),
        "bomb.xlsx": _workbook(**{"xl/bomb.xml": bytes(60 * 2**20)}),
        "rows.xlsx": _workbook(_NS + b'<row><c t="inlineStr"><is><t>1</t></is></c></row>' * 300_000 + b"</sheetData></worksheet>"),
        "bomb.gz": gzip.compress(bytes(200 * 2**20)),
    }  # fmt: skip


def _huge_png() -> bytes:
    """A few hundred bytes that say they are forty thousand pixels on each side."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def file(dice: Random) -> tuple[str, bytes]:
    """A file and its name; seldom one of the large ones."""
    known = files() if dice.randrange(50) else large_files()
    name = dice.choice(sorted(known))
    return name, known[name]


# ---------------------------------------------------------------- bodies


def deep_json(dice: Random) -> bytes:
    depth = dice.choice([10, 1_000, 100_000])
    return dice.choice(
        [b"[" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b'{"key": "\\ud800"}', b"{", b"\xff\xfe{\0}\0"]
    )


def multipart(dice: Random) -> bytes:
    """By the boundary x, and not as it should be."""
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    whole = part % (b"key", b"", b"0" * 32) + part % (b"file", b'; filename="a.csv"', b"1,2\r\n")
    return dice.choice([
        whole, whole[: dice.randrange(len(whole))], whole + b"--x--", b"--x" * 500, b"--x\r\n\r\n" * 200,
        part % (b"a" * 5_000, b"; filename*=utf-8''%ff", b"x") + b"--x--", part % (b"\xff", b"", b"\xff\x00") + b"--x--",
        whole.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1) + b"--x--",
        b"".join(part % (b"f%d" % n, b"", b"") for n in range(1_500)) + b"--x--",
    ])  # fmt: skip


BODIES: tuple[Callable[[Random], bytes], ...] = (
    deep_json,
    multipart,
    lambda dice: dice.randbytes(dice.randrange(2_000)),
    lambda dice: b"key=%ff%00%ed%a0%80&" + b"a=1&" * dice.choice([1, 2_000]),
    lambda dice: b"",
)
