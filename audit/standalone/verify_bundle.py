#!/usr/bin/env python3
"""Check a bundle of the audit trail without the program that made it. 不用出具文件的程序，核对一份审计包。

    python3 verify_bundle.py BUNDLE.zip --key KEY [--anchor "SIZE ROOT"]... [--json]

Needs Python 3.9 or newer and `cryptography` (pip install cryptography). Take this file from the project's own pages, not
out of the bundle, and KEY (64 hexadecimal digits, or a file with them) from the office's notice board, an old paper or
another office: a key or a program that comes with the bundle proves nothing.

What is made anew: every leaf, the root at every seal (or each proof), every signature, the chain of each subject, the
ledger's balances from its movements, and the file itself byte by byte. Formats: docs/audit.md of the project.

Exit status: 0 it holds; 1 it does not; 2 wrong use; 3 it holds, but no key was given, so anybody may have made it.
"""

import argparse
import binascii
import hashlib
import json
import re
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMATS = ("casework-bundle-1", "casework-bundle-2")  # the first knows neither handovers nor erasures
LONGEST_LINE = 64 * 1024 * 1024
LONGEST_NUMBER = 19
HEX = re.compile(r"(?:[0-9a-f]{64})\Z")
HEX16 = re.compile(r"(?:[0-9a-f]{32})\Z")
SIGNATURE = re.compile(r"(?:[0-9a-f]{128})\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?\Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
NAME = re.compile(r"(?:[a-z_]+/)?[A-Za-z0-9_]+\.[a-z]+\Z")
EMPTY = hashlib.sha256(b"").digest()


class Refused(Exception):
    """The bundle does not hold; the text says where."""


def need(holds, text):
    if not holds:
        raise Refused(text)


# ---------------------------------------------------------------- the file, byte by byte
# A zip file of stored members that could have been written in no other way: what is read is compared with what would
# be written. So no byte is without meaning, nothing is hidden between members, and nothing can be unpacked to more.

LOCAL, CENTRAL, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
VERSION, MADE_BY, DATE, MODE = 20, 3 << 8 | 20, 0x21, 0o100644 << 16


def local_header(name, crc, size):
    return LOCAL.pack(b"PK\3\4", VERSION, 0, 0, 0, DATE, crc, size, size, len(name), 0) + name


def central_header(name, crc, size, offset):
    return (
        CENTRAL.pack(b"PK\1\2", MADE_BY, VERSION, 0, 0, 0, DATE, crc, size, size, len(name), 0, 0, 0, 0, MODE, offset)
        + name
    )


def end_record(count, size, offset):
    return END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


class Bundle:
    """The members of the file, in order: {name: (offset of the data, size, crc)}."""

    def __init__(self, path):
        self.file = open(path, "rb")  # noqa: SIM115 - open as long as the program runs
        self.length = self.file.seek(0, 2)
        self.members = {}
        self.read_directory()

    def read_at(self, offset, size):
        self.file.seek(offset)
        data = self.file.read(size)
        need(len(data) == size, "the file ends too early")
        return data

    def read_directory(self):
        need(self.length >= END.size, "this is no bundle")
        found = self.read_at(self.length - END.size, END.size)
        _, _, _, count, _, size, offset, _ = END.unpack(found)
        need(found == end_record(count, size, offset), "the end of the file is not that of a bundle")
        need(
            offset + size + END.size == self.length, "there is something before, after or between the parts of the file"
        )
        directory, at, expected = self.read_at(offset, size), 0, 0
        for _n in range(count):
            need(at + CENTRAL.size <= len(directory), "the directory ends too early")
            fields = CENTRAL.unpack_from(directory, at)
            crc, length, name_length, begins = fields[7], fields[8], fields[10], fields[16]
            name = directory[at + CENTRAL.size : at + CENTRAL.size + name_length]
            entry = central_header(name, crc, length, begins)
            need(directory[at : at + len(entry)] == entry, "an entry of the directory is not as it would be written")
            at += len(entry)
            text = name.decode("ascii", "replace")
            need(NAME.match(text), "a member has a name that none may have: %r" % text)
            need(text not in self.members, "a member is there twice: " + text)
            need(begins == expected, "a member is not where it should be: " + text)
            header = local_header(name, crc, length)
            need(begins + len(header) + length <= offset, "a member is longer than its place: " + text)
            need(
                self.read_at(begins, len(header)) == header, "a member's header is not as it would be written: " + text
            )
            self.members[text] = (begins + len(header), length, crc)
            expected = begins + len(header) + length
        need(at == len(directory) and expected == offset, "there is something between the parts of the file")

    def digest(self, name):
        offset, size, crc = self.members[name]
        digest, seen = hashlib.sha256(), 0
        self.file.seek(offset)
        while size:
            part = self.file.read(min(size, 1 << 20))
            need(part, "the file ends too early")
            digest.update(part)
            seen = binascii.crc32(part, seen)
            size -= len(part)
        need(seen == crc, "the checksum of a member is wrong: " + name)
        return digest.hexdigest()

    def whole(self, name, most):
        need(name in self.members, "a member is missing: " + name)
        offset, size, _crc = self.members[name]
        need(size <= most, "a member is too long: " + name)
        return self.read_at(offset, size)

    def lines(self, name):
        """(place, line without its end) of a member, each line complete."""
        offset, size, _crc = self.members[name]
        rest, number = b"", 0
        done = 0
        while done < size:
            part = self.read_at(offset + done, min(size - done, 1 << 20))
            done += len(part)
            lines = (rest + part).split(b"\n")
            rest = lines.pop()
            need(len(rest) <= LONGEST_LINE, name + ": a line is too long")
            for line in lines:
                number += 1
                yield "%s:%d" % (name, number), line
        need(not rest, name + ": the last line is not complete")

    def rows(self, folder):
        """(place, line, object) of every line of `folder`.jsonl, or of its parts folder/000000.jsonl and so on."""
        names = [folder + ".jsonl"] if folder + ".jsonl" in self.members else self.parts(folder)
        for name in names:
            for place, line in self.lines(name):
                yield place, line, canonical(line, place)

    def parts(self, folder):
        found = [name for name in self.members if name.startswith(folder + "/")]
        need(
            found == ["%s/%06d.jsonl" % (folder, n) for n in range(len(found))],
            "the parts of %s are not 000000, 000001 and so on" % folder,
        )
        return found


# ---------------------------------------------------------------- canonical JSON


def _no_duplicates(pairs):
    found = dict(pairs)
    need(len(found) == len(pairs), "a key is there twice")
    return found


def _whole_number(text):
    need(len(text.lstrip("-")) <= LONGEST_NUMBER, "a number is too long")
    return int(text)


def _no_float(text):
    raise Refused("a number is not whole: " + text[:20])


DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_int=_whole_number, parse_float=_no_float, parse_constant=_no_float
)
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(data, place):
    """The object that these bytes are the one canonical writing of: sorted keys, no spaces, UTF-8, whole numbers."""
    try:
        text = data.decode("utf-8")
        found = DECODER.decode(text)
        need(isinstance(found, dict), "not an object")
        need(ENCODER.encode(found) == text, "not canonical")
    except Refused as refusal:
        raise Refused("%s: %s" % (place, refusal)) from None
    except (UnicodeError, ValueError, RecursionError) as error:
        raise Refused("%s: not JSON (%s)" % (place, type(error).__name__)) from None
    return found


def shaped(row, shape, place):
    """`row` has exactly the keys of `shape`, each of the kind that it names: a type, or a pattern of text."""
    need(row.keys() == shape.keys(), "%s: other keys than %s" % (place, sorted(shape)))
    for key, kind in shape.items():
        value = row[key]
        if isinstance(kind, type):
            holds = type(value) is kind
        else:
            holds = type(value) is str and kind.match(value) is not None
        need(holds, "%s: %s is not what it should be" % (place, key))


# ---------------------------------------------------------------- the tree of RFC 6962


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Growing:
    """A tree that leaves are appended to; the root at any time."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def append(self, leaf):
        size = self.size
        while size & 1:
            leaf = node_hash(self.peaks.pop(), leaf)
            size >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def is_included(leaf, index, size, path, root):
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last, seen = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            seen = node_hash(sibling, seen)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            seen = node_hash(seen, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and seen == root


def is_consistent(old, new, old_root, new_root, path):
    """RFC 9162, 2.1.4.2, for 0 < old < new."""
    path = path if old & (old - 1) else [old_root] + path
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def path_of(row, place):
    need(type(row["path"]) is list and len(row["path"]) <= 64, place + ": path is no list of hashes")
    need(all(type(part) is str and HEX.match(part) for part in row["path"]), place + ": path is no list of hashes")
    return [bytes.fromhex(part) for part in row["path"]]


# ---------------------------------------------------------------- seals

CHECKPOINT = {"log": HEX, "made_at": TIME, "previous": str, "root": HEX, "signature": SIGNATURE, "size": int}


def checkpoint_hash(row):
    facts = ("casework checkpoint 1", row["log"], row["size"], row["root"], row["previous"], row["made_at"])
    return hashlib.sha256("".join("%s\n" % fact for fact in facts).encode()).digest()


HANDOVER = {"log": HEX, "made_at": TIME, "new_key": HEX, "new_signature": SIGNATURE, "old_key": HEX, "old_signature": SIGNATURE, "seal": HEX, "size": int}  # fmt: skip


class Keys:
    """The keys of the seals, each handed over to the next by a statement that both signed; the given one is among them.

    So whoever knows one of them knows the others, the older and the newer. `log` is named after the first one.
    """

    def __init__(self, bundle, manifest, given):
        self.steps = []
        for place, _line, row in bundle.rows("handovers"):
            shaped(row, HANDOVER, place)
            before = self.steps[-1] if self.steps else None
            need(before is None or row["old_key"] == before["new_key"], place + ": it does not follow the one before")
            need(before is None or row["size"] >= before["size"], place + ": the tree did not grow")
            need(row["log"] == manifest["log"], place + ": the handover is of another log")
            facts = (
                "casework handover 1",
                row["log"],
                row["old_key"],
                row["new_key"],
                row["size"],
                row["seal"],
                row["made_at"],
            )
            message = hashlib.sha256("".join("%s\n" % fact for fact in facts).encode()).digest()
            for who in ("old", "new"):
                verify(
                    key_of(row[who + "_key"]),
                    row[who + "_signature"],
                    message,
                    place + ": the %s key's signature" % who,
                )
            self.steps.append(row)
        known = [row["old_key"] for row in self.steps[:1]] + [row["new_key"] for row in self.steps] or [
            manifest["public_key"]
        ]
        need(known[-1] == manifest["public_key"], "the key of the bundle is not the one handed over to last")
        need(given is None or given.public_bytes_raw().hex() in known, "the bundle was made with another key")
        need(hashlib.sha256(bytes.fromhex(known[0])).hexdigest() == manifest["log"], "the bundle is of another log")
        self.last = key_of(known[-1])

    def of_size(self, size):
        """Whose the seal over a tree of this size must be."""
        return next((key_of(row["old_key"]) for row in self.steps if size <= row["size"]), self.last)

    def must_be_over(self, seals):
        """A handover names the seal that it was made over, where the bundle has it."""
        hashes = {seal["size"]: checkpoint_hash(seal).hex() for seal in seals}
        for row in self.steps:
            need(hashes.get(row["size"], row["seal"]) == row["seal"], "handovers.jsonl: a handover over another seal")


def key_of(digits):
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(digits))
    except ValueError:
        raise Refused("a public key is none") from None


def read_checkpoints(bundle, keys, log, is_whole):
    """Every seal in the bundle, growing; each is signed, and follows the one before where none is left out."""
    found, previous = [], None
    need("checkpoints.jsonl" in bundle.members, "a member is missing: checkpoints.jsonl")
    for place, _line, row in bundle.rows("checkpoints"):
        shaped(row, CHECKPOINT, place)
        need(row["previous"] == "" or HEX.match(row["previous"]), place + ": previous is no hash")
        need(row["log"] == log, place + ": the seal is of another log")
        need(row["size"] > (found[-1]["size"] if found else 0), place + ": the tree did not grow")
        if is_whole and previous is not None:
            need(row["previous"] == previous.hex(), place + ": the seal does not follow the one before")
        previous = checkpoint_hash(row)
        verify(keys.of_size(row["size"]), row["signature"], previous, place + ": the seal's signature")
        found.append(row)
    need(found, "there is no seal in the bundle")
    keys.must_be_over(found)
    return found


def verify(key, signature, message, what):
    try:
        key.verify(bytes.fromhex(signature), message)
    except InvalidSignature:
        raise Refused(what + " is not the key's") from None


def check_consistency(bundle, seals):
    """Between any two seals that follow one another in the bundle, a proof that the tree only grew."""
    steps = list(zip(seals, seals[1:]))  # noqa: B905 - Python 3.9
    need("consistency.jsonl" in bundle.members, "a member is missing: consistency.jsonl")
    count = 0
    for (place, _line, row), (old, new) in pairs(bundle.rows("consistency"), steps, "consistency"):
        shaped(row, {"from": int, "path": list, "to": int}, place)
        need((row["from"], row["to"]) == (old["size"], new["size"]), place + ": a proof between other seals")
        holds = is_consistent(
            old["size"], new["size"], bytes.fromhex(old["root"]), bytes.fromhex(new["root"]), path_of(row, place)
        )
        need(holds, place + ": the tree did not grow out of the one before")
        count += 1
    return count


def pairs(rows, others, what):
    """Both in step; neither may be longer."""
    others = iter(others)
    for row in rows:
        other = next(others, None)
        need(other is not None, what + ": there are too many lines")
        yield row, other
    need(next(others, None) is None, what + ": lines are missing")


# ---------------------------------------------------------------- events

EVENT = {"at": TIME, "commitment": HEX, "entry": int, "n": int, "row": int, "stream": str, "table": str, "v": int}
FACTS = {"amount_fen": int, "credit": int, "debit": int, "kind": str, "on": DAY}
TWO = re.compile(
    r"([1-9][0-9]*)\+(?!\1\Z)[1-9][0-9]*\Z"
)  # two accounts, not one twice: who proposed it, who confirmed it
ERASURE = {"after": HEX, "because": str, "by": TWO, "on": DAY, "order": int, "row": int, "table": str}
ERASURES = "audit_erasure"  # the table whose events say that a written row was erased
# What may be erased of: a family's own rows. Money, decisions, persons acting, access and the trail itself never are.
ERASABLE = frozenset(
    ["families_historical" + name for name in ("person", "household", "householdmeans", "helpreceived", "bankaccount", "lead", "survey", "document")]
    + ["casework_historical" + name for name in ("case", "deliberation", "objection", "measure", "followupvisit")]
    + ["casework_caseevent"]
)  # fmt: skip


def read_event(row, place):
    shaped({key: row[key] for key in row if key != "facts"}, EVENT, place)
    need(row["v"] == 1, place + ": a version that this verifier does not know; take a newer one")
    need(row["n"] > 0, place + ": n begins with 1")
    if "facts" in row:
        need(type(row["facts"]) is dict, place + ": facts are no object")
    need(row["table"] != ERASURES or "facts" in row, place + ": an erasure says what was erased")
    if row["table"] == ERASURES:
        shaped(row["facts"], ERASURE, place)
        need(row["facts"]["table"] in ERASABLE, place + ": this is never erased")
    elif "facts" in row:
        shaped(row["facts"], FACTS, place)
        need(row["facts"]["amount_fen"] > 0, place + ": a movement moves something")
        need(row["facts"]["credit"] != row["facts"]["debit"], place + ": a movement has two sides")


class Chains:
    """The links of each subject, 1, 2, 3 …: none twice and, of the whole trail, none missing; and what they join."""

    def __init__(self):
        self.last = {}
        self.waiting = {}

    def add(self, place, stream, n, link):
        """`link`: (hash of the one before, own hash) in hexadecimal, or None when the bundle does not open it."""
        need(
            (stream, n) not in self.waiting and n > self.last.get(stream, (0, ""))[0], place + ": a link is there twice"
        )
        self.waiting[stream, n] = place, link
        n, before = self.last.get(stream, (0, ""))
        while (stream, n + 1) in self.waiting:
            n += 1
            place, link = self.waiting.pop((stream, n))
            if link is not None:
                need(link[0] == before, place + ": the link does not hold on to the one before")
                before = link[1]
            self.last[stream] = n, before

    def must_be_whole(self):
        if self.waiting:
            (stream, n), (place, _link) = next(iter(self.waiting.items()))
            raise Refused("%s: a link before %s #%d is missing" % (place, stream, n))


class Erasures:
    """Rows that are not what was written any more, and the events that say so: each must have its own, and later."""

    def __init__(self):
        self.after, self.blank, self.orders = {}, {}, {}

    def told(self, facts, place):
        self.after[facts["table"], facts["row"]] = facts["after"]
        order = facts["on"], facts["by"], facts["because"]
        need(
            self.orders.setdefault(facts["order"], order) == order, place + ": one order, given by others or otherwise"
        )

    def found(self, table, row, text, place):
        need((table, row) not in self.after, place + ": erased before it was written")
        self.blank[table, row] = digest_of(text), place

    def must_be_told(self):
        for subject, (digest, place) in self.blank.items():
            need(self.after.get(subject) == digest, place + ": the row is not the one that was written")


class Ledger:
    """Balances, replayed from the movements."""

    def __init__(self):
        self.debit, self.credit, self.movements = {}, {}, 0

    def add(self, facts):
        self.movements += 1
        self.debit[facts["debit"]] = self.debit.get(facts["debit"], 0) + facts["amount_fen"]
        self.credit[facts["credit"]] = self.credit.get(facts["credit"], 0) + facts["amount_fen"]

    def compare(self, bundle, is_whole):
        shape = {"account": int, "allocation": int, "credit_fen": int, "debit_fen": int, "fund": str, "kind": str}
        seen = set()
        for place, _line, row in bundle.rows("accounts"):
            shaped(row, shape, place)
            account = row["account"]
            need(account not in seen, place + ": an account is there twice")
            seen.add(account)
            replayed = self.debit.get(account, 0), self.credit.get(account, 0)
            need(
                (row["debit_fen"], row["credit_fen"]) == replayed,
                place
                + ": the account says %d and %d fen, its movements %d and %d"
                % ((row["debit_fen"], row["credit_fen"]) + replayed),
            )
            need(row["kind"] == "source" or replayed[1] >= replayed[0], place + ": the account is overspent")
        if is_whole:
            need(seen >= self.debit.keys() | self.credit.keys(), "accounts.jsonl: an account with movements is missing")
        return len(seen)


# ---------------------------------------------------------------- what was opened

OPENING = {"digest": HEX, "position": int, "previous": str, "salt": HEX16}


def open_event(event, row, place, erasures):
    """(hash of the link before, own hash), after the opening has been found to be that of the event."""
    is_erased = row.pop("is_erased", False)
    need(is_erased in (False, True), place + ": is_erased is not what it should be")
    extra = {"text": str} if "text" in row else {"keys": list, "digests": list, "texts": list} if "keys" in row else {}
    shaped(row, dict(OPENING, **extra), place)
    need(row["previous"] == "" or HEX.match(row["previous"]), place + ": previous is no hash")
    need((row["previous"] == "") == (event["n"] == 1), place + ": the first link alone has none before it")
    link = (
        len(event["stream"]),
        event["stream"],
        event["n"],
        event["table"],
        event["row"],
        row["digest"],
        row["previous"],
    )
    own = hashlib.sha256("|".join(map(str, link)).encode()).digest()
    commitment = hashlib.sha256(bytes.fromhex(row["salt"]) + own).hexdigest()
    need(commitment == event["commitment"], place + ": this is not what the event is bound to")
    need(not is_erased or "text" in row, place + ": what is erased is not there")
    if is_erased:
        need(event["table"] in ERASABLE, place + ": this is never erased")
        need(digest_of(row["text"]) != row["digest"], place + ": this was not erased")
        erasures.found(event["table"], event["row"], row["text"], place)
    elif "text" in row:
        need(digest_of(row["text"]) == row["digest"], place + ": the row is not the one that was written")
    elif "keys" in row:
        check_set(event, row, place, erasures)
    return row["previous"], own.hex()


def digest_of(text):
    return hashlib.sha256(text.rstrip(",)").encode()).hexdigest()


def check_set(event, row, place, erasures):
    keys, digests, texts = row["keys"], row["digests"], row["texts"]
    need(len(keys) == len(digests) == len(texts) > 0, place + ": a set is not whole")
    need(all(type(key) is int for key in keys), place + ": keys are no numbers")
    need(all(type(one) is str and HEX.match(one) for one in digests), place + ": digests are no hashes")
    need(all(type(one) is str for one in texts), place + ": texts are no texts")
    # as PostgreSQL writes the two arrays
    written = "{%s}{%s}" % (",".join(map(str, keys)), ",".join('"\\\\x%s"' % one for one in digests))
    need(hashlib.sha256(written.encode()).hexdigest() == row["digest"], place + ": the set is not the one written")
    need(keys[0] == event["row"], place + ": the set begins with another row")
    for key, text, digest in zip(keys, texts, digests):  # noqa: B905 - Python 3.9
        if digest_of(text) != digest:
            need(event["table"] in ERASABLE, place + ": a row of the set is not the one that was written")
            erasures.found(event["table"], key, text, place)


# ---------------------------------------------------------------- the whole

MANIFEST = {
    "events": int,
    "format": str,
    "has_accounts": bool,
    "is_revealed": bool,
    "is_whole": bool,
    "log": HEX,
    "made_at": TIME,
    "members": list,
    "public_key": HEX,
    "selection": dict,
    "size": int,
}
ORDER = ("README.txt", "events/", "proofs/", "openings/", "handovers.jsonl", "checkpoints.jsonl", "consistency.jsonl", "accounts.jsonl", "verify_bundle.py", "manifest.json", "manifest.sig")  # fmt: skip


def read_manifest(bundle, given):
    """(manifest, keys): signed, and saying of each member exactly what it is. The keys are the bundle's own if none is given."""
    data = bundle.whole("manifest.json", 1 << 24)
    manifest = canonical(data, "manifest.json")
    shaped(manifest, MANIFEST, "manifest.json")
    need(manifest["format"] in FORMATS, "a format that this verifier does not know; take a newer one")
    keys = Keys(bundle, manifest, given)
    signature = bundle.whole("manifest.sig", 200).decode("ascii", "replace")
    need(signature.endswith("\n") and SIGNATURE.match(signature[:-1]), "manifest.sig is no signature")
    message = "casework bundle 1\n%s\n" % hashlib.sha256(data).hexdigest()
    verify(keys.last, signature[:-1], message.encode(), "the manifest's signature")
    told = []
    for row in manifest["members"]:
        need(type(row) is dict, "manifest.json: a member is no object")
        shaped(row, {"name": str, "sha256": HEX, "size": int}, "manifest.json")
        told.append(row["name"])
    there = list(bundle.members)
    need(
        there == told + ["manifest.json", "manifest.sig"], "other members than the manifest names, or in another order"
    )
    ranks = [next((n for n, name in enumerate(ORDER) if member == name or (name[-1] == "/" and member.startswith(name))), None) for member in there]  # fmt: skip
    need(None not in ranks and ranks == sorted(ranks), "there is a member that no bundle has")
    for row in manifest["members"]:
        need(bundle.members[row["name"]][1] == row["size"], "a member has another size: " + row["name"])
        need(bundle.digest(row["name"]) == row["sha256"], "a member was changed: " + row["name"])
    for name in ("manifest.json", "manifest.sig"):
        bundle.digest(name)
    has = {name.split("/")[0].split(".")[0] for name in there}
    whole = manifest["is_whole"]
    need(("proofs" in has) == (not whole and manifest["events"] > 0), "proofs are there without need, or missing")
    need(("consistency" in has) == (not whole), "consistency.jsonl is there without need, or missing")
    need(("openings" in has) == (manifest["is_revealed"] and manifest["events"] > 0), "openings are there, or missing")
    need(("accounts" in has) == manifest["has_accounts"], "accounts.jsonl is there, or missing")
    need(manifest["has_accounts"] or not whole, "the whole trail comes with its accounts")
    need("handovers" not in has or manifest["format"] != FORMATS[0], "handovers are there without need")
    return manifest, keys


def check(path, key=None, anchors=()):
    """What the bundle proves, as a dictionary. Raises Refused."""
    bundle = Bundle(path)
    manifest, keys = read_manifest(bundle, key)
    is_whole = manifest["is_whole"]
    seals = read_checkpoints(bundle, keys, manifest["log"], is_whole)
    need(manifest["size"] == seals[-1]["size"], "the bundle is not over the tree of its last seal")
    wanted = sorted(anchors)
    ledger, chains, erasures = Ledger(), Chains(), Erasures()
    read = _whole if is_whole else _part
    events = read(bundle, seals, ledger, chains, erasures, wanted)
    erasures.must_be_told()
    orders = [{"order": n, "on": on, "by": by, "because": why} for n, (on, by, why) in sorted(erasures.orders.items())]
    need(
        manifest["events"] == events, "there are %d events, not %d as the manifest says" % (events, manifest["events"])
    )
    accounts = ledger.compare(bundle, is_whole) if manifest["has_accounts"] else 0
    return {
        "is_whole": is_whole,
        "selection": manifest["selection"],
        "events": events,
        "seals": len(seals),
        "size": seals[-1]["size"],
        "root": seals[-1]["root"],
        "made_at": seals[-1]["made_at"],
        "movements": ledger.movements,
        "accounts": accounts,
        "is_revealed": manifest["is_revealed"],
        "erased_rows": len(erasures.after),
        "erased_by": orders,
        "anchors": len(wanted),
    }


def _whole(bundle, seals, ledger, chains, erasures, anchors):
    """All leaves: the tree is made anew, and has the root of each seal and each anchor when it had their size."""
    growing, entries = Growing(), set()
    due = sorted(
        [(seal["size"], seal["root"], "seal") for seal in seals] + [(n, root, "anchor") for n, root in anchors]
    )
    due.reverse()
    for place, line, event, link, position in _events(bundle, erasures):
        need(position in (None, growing.size), place + ": what is opened says another position")
        need(event["entry"] not in entries, place + ": an entry is there twice")
        entries.add(event["entry"])
        growing.append(leaf_hash(line))
        chains.add(place, event["stream"], event["n"], link)
        if "facts" in event and event["table"] != ERASURES:
            ledger.add(event["facts"])
        while due and due[-1][0] == growing.size:
            size, root, what = due.pop()
            need(
                growing.root().hex().startswith(root), "the tree of %d leaves has not the root of the %s" % (size, what)
            )
    need(not due, "the tree has %d leaves, not %d" % (growing.size, due[0][0] if due else 0))
    need(growing.size == seals[-1]["size"], "there are leaves that no seal covers")
    chains.must_be_whole()
    return growing.size


def _part(bundle, seals, ledger, chains, erasures, anchors):
    """Some leaves, each with its proof that it is in the tree of the last seal."""
    check_consistency(bundle, seals)
    size, root = seals[-1]["size"], bytes.fromhex(seals[-1]["root"])
    for n, digits in anchors:
        need(
            any(seal["size"] == n and seal["root"].startswith(digits) for seal in seals),
            "no seal in this bundle is the anchor of %d leaves; ask for the whole trail" % n,
        )
    events, last = 0, -1
    for (place, line, event, link, position), (where, _line, proof) in pairs(
        _events(bundle, erasures), bundle.rows("proofs"), "proofs"
    ):
        shaped(proof, {"path": list, "position": int}, where)
        need(last < proof["position"], where + ": positions do not grow")
        last = proof["position"]
        need(position in (None, last), place + ": what is opened says another position")
        need(is_included(leaf_hash(line), last, size, path_of(proof, where), root), place + ": not in the tree")
        chains.add(place, event["stream"], event["n"], link)
        if "facts" in event and event["table"] != ERASURES:
            ledger.add(event["facts"])
        events += 1
    return events


def _events(bundle, erasures):
    """(place, line, event, link, position) of each event; the last two are None where nothing is opened."""
    openings = bundle.rows("openings")
    has_openings = "openings/000000.jsonl" in bundle.members
    for place, line, event in bundle.rows("events"):
        read_event(event, place)
        if event["table"] == ERASURES:
            erasures.told(event["facts"], place)
        link = position = None
        if has_openings:
            where, _line, opening = next(openings, (place, b"", None))
            need(opening is not None, place + ": the event is not opened")
            link, position = open_event(event, opening, where, erasures), opening["position"]
        yield place, line, event, link, position
    need(next(openings, None) is None, "there are more openings than events")


# ---------------------------------------------------------------- the command


def read_key(text):
    """A public key, given as 64 hexadecimal digits or as the name of a file with them."""
    digits = text if HEX.match(text) else Path(text).read_text(encoding="ascii").strip().lower()
    if not HEX.match(digits):
        raise ValueError("the key is not 64 hexadecimal digits")
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(digits))


def read_anchor(text):
    size, _, root = text.strip().lower().replace(":", " ").partition(" ")
    root = root.strip().replace(" ", "")
    if not (size.isascii() and size.isdigit() and 16 <= len(root) <= 64 and set(root) <= set("0123456789abcdef")):
        raise argparse.ArgumentTypeError('an anchor is "SIZE ROOT", at least 16 digits of the root')
    return int(size), root


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check a bundle of the audit trail.")
    parser.add_argument("bundle")
    parser.add_argument("--key", help="the office's public key: 64 hexadecimal digits, or a file with them")
    parser.add_argument("--anchor", action="append", default=[], type=read_anchor, help='"SIZE ROOT" from a paper')
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    options = parser.parse_args(arguments)
    try:
        key = read_key(options.key) if options.key else None
    except (OSError, ValueError) as error:
        parser.error("--key: %s" % error)
    answer, status = {"holds": False, "key": "given" if key else "not given"}, 1
    try:
        answer.update(check(options.bundle, key, options.anchor), holds=True)
        status = 0 if key else 3
        verdict = "HOLDS: {events} events in a tree of {size}, root {root}, {movements} movements, {accounts} accounts".format(
            **answer
        )
        for order in answer["erased_by"]:
            verdict += "\nERASED on {on} by staff {by} because of {because} (order {order})".format(**order)
        if not key:
            verdict += " -- BUT NO KEY WAS GIVEN: anybody may have made this; give --key"
    except Refused as refusal:
        verdict = "DOES NOT HOLD: %s" % refusal
    except OSError as error:
        verdict = "CANNOT BE READ: %s" % (error.strerror or error)
    answer["verdict"] = verdict
    print(json.dumps(answer, ensure_ascii=False, sort_keys=True) if options.json else verdict)
    return status


if __name__ == "__main__":
    sys.exit(main())
