"""A file that was good, spoilt in one of many ways. What comes of it follows from the dice."""

import io
import json
import zipfile
from random import Random
from typing import Any

from tests.fuzz import nasty

ENCODINGS = ("gb18030", "utf-16", "utf-8-sig")


def spoilt(content: bytes, dice: Random) -> bytes:
    """Cut, flipped or doubled somewhere; or spoilt by one who knows what kind of file it is."""
    if dice.randrange(3) == 0:
        return _blindly(content, dice)
    if content.startswith(b"PK"):
        return _archive(content, dice)
    if content[:1] == b"{":
        return _document(content, dice)
    text = _text(content)
    return _blindly(content, dice) if text is None else _table(text, dice)


def _blindly(content: bytes, dice: Random) -> bytes:
    at, how = dice.randrange(len(content)), dice.randrange(4)
    if how == 0:
        return content[:at]
    if how == 1:
        return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
    if how == 2:
        return content[:at] + dice.randbytes(4) + content[at + 4 :]
    return content[:at] + content[at // 2 : at] + content[at:]


def _archive(content: bytes, dice: Random) -> bytes:
    """One member spoilt, the archive around it whole; rarely one missing or there twice."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    n = dice.randrange(len(members))
    info, part = members[n]
    how = dice.randrange(8)
    members[n : n + 1] = (
        [] if how == 0 else [members[n]] * 2 if how == 1 else [(info, spoilt(part, dice) if part else b"x")]
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for info, part in members:
            archive.writestr(info.filename, part, info.compress_type)
    return out.getvalue()


def _document(content: bytes, dice: Random) -> bytes:
    """One value of a JSON document is another, or of another kind."""
    try:
        whole = json.loads(content)
    except ValueError:
        return _blindly(content, dice)
    place, key = dice.choice(list(_places(whole)))
    odd = dice.choice([None, True, -1, 1.5, 10**30, 1e308, [], {}, [None], {"a": []}, "", nasty.text(dice)])
    if dice.randrange(5) == 0:
        del place[key]
    else:
        place[key] = odd
    return json.dumps(whole, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """(object or list, key) of everything in it."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _text(content: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _table(text: str, dice: Random) -> bytes:
    """In another encoding, or with other values in a few of its fields (or attributes and elements, where it is XML)."""
    if dice.randrange(5) == 0:
        return text.encode(dice.choice(ENCODINGS), "replace")
    between = "<" if text[:1] == "<" else "\n"
    lines = text.split(between)
    for _n in range(dice.randint(1, 5)):
        at = dice.randrange(len(lines))
        mark = '"' if between == "<" and '"' in lines[at] else ">" if between == "<" else ","
        fields = lines[at].split(mark)
        fields[dice.randrange(len(fields))] = nasty.text(dice)
        lines[at] = mark.join(fields)
    return between.join(lines).encode("utf-8", "surrogatepass")
