#!/usr/bin/env python3
"""Check an inspection pack without the program that made it. 不用出具它的程序，核对一个迎检包。

    python3 verify_pack.py J2026-00001-1.zip [J2026-00001-2.zip …] --key KEY [--anchor "SIZE ROOT"] [--json]

Give all volumes of the pack, in any order. Needs Python 3.9 or newer and `cryptography` (pip install cryptography). Take
this file from the project's own pages, not out of the pack, and KEY (64 hexadecimal digits, or a file with them) from the
office's notice board, an old paper or another office: a key or a program that comes with the pack proves nothing.

What is proved: every file is byte for byte what the office signed; none was added, taken out or exchanged; no volume is
missing; the pack was made no later than the papers with a later foot line, if --anchor fits. What a pack cannot prove: that
what is written in its files is true. The records behind them are in trail/bundle.zip, which verify_bundle.py checks.

Exit status: 0 it holds; 1 it does not; 2 wrong use; 3 it holds, but no key was given, so anybody may have made it.
"""

import argparse
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "casework-pack-1"
KEY = re.compile(r"[0-9a-f]{64}\Z")
NAME = re.compile(r"(?:[A-Za-z0-9_-]+/){0,3}[A-Za-z0-9_.-]+\Z")
LONGEST_MANIFEST = 64 * 1024 * 1024
BLOCK = 1 << 20
LAST_TWO = ["manifest.json", "manifest.sig"]


class Refused(Exception):
    """The pack does not hold; the text says where."""


def need(holds, text):
    if not holds:
        raise Refused(text)


def main(arguments=None):
    given = wanted(arguments)
    try:
        told = check([Path(path) for path in given.volumes], key_of(given.key), given.anchor)
    except Refused as refused:
        return say(given, {"holds": False, "why": str(refused)}, f"DOES NOT HOLD: {refused}", 1)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return say(given, {"holds": False, "why": repr(error)}, f"DOES NOT HOLD: this is no pack ({error})", 1)
    words = "{cases} cases, {files} files, {volumes} volumes; {number}: {title}; made {made_at} by {made_by}: {reason}"
    if given.key:
        return say(given, told, "HOLDS: " + words.format(**told), 0)
    return say(given, told, "HOLDS, BUT WITHOUT A KEY ANYBODY MAY HAVE MADE IT: " + words.format(**told), 3)


def wanted(arguments):
    parser = argparse.ArgumentParser(description="Check an inspection pack.")
    parser.add_argument("volumes", nargs="+")
    parser.add_argument("--key", help="the office's public key: 64 hexadecimal digits, or a file with them")
    parser.add_argument("--anchor", help='"SIZE ROOT" from the last line of a paper of the office')
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def key_of(given):
    if not given:
        return None
    text = given.strip().lower()
    if not KEY.match(text):
        text = Path(given).read_text(encoding="ascii").strip().lower()
    need(KEY.match(text), "the key is not 64 hexadecimal digits")
    return bytes.fromhex(text)


def say(given, told, words, status):
    print(json.dumps(told, ensure_ascii=False) if given.json else words)
    return status


# ---------------------------------------------------------------- the pack


def check(paths, key, anchor):
    """What holds, in words for people; raises Refused."""
    volumes = sorted((Volume(path, key) for path in paths), key=lambda volume: volume.facts["volume"])
    first = volumes[0].facts
    for n, volume in enumerate(volumes, start=1):
        facts = volume.facts
        need(facts["volume"] == n, f"volume {n} is missing or there twice")
        need(facts["number"] == first["number"], f"volume {n} is of another pack")
        need(facts["public_key"] == first["public_key"], f"volume {n} is signed by another key")
        need(
            facts["previous"] == (volumes[n - 2].sha256 if n > 1 else ""), f"volume {n} does not follow volume {n - 1}"
        )
        need(facts["is_last"] == (n == len(volumes)), f"there are more volumes than the {len(volumes)} given, or fewer")
    last = volumes[-1].facts
    check_anchor(last, anchor)
    return {
        "holds": True,
        "number": last["number"],
        "title": last["title"],
        "reason": last["reason"],
        "made_by": last["made_by"],
        "made_at": last["made_at"],
        "cases": last["summary"]["cases"],
        "files": sum(len(volume.facts["members"]) for volume in volumes),
        "volumes": len(volumes),
        "anchor": last["anchor"],
        "public_key": last["public_key"],
    }


class Volume:
    """One file, checked by itself: nothing between its members, each as the signed list says."""

    def __init__(self, path, key):
        self.path = path
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
            self.sha256 = digest.hexdigest()
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
            need([one.filename for one in members[-2:]] == LAST_TWO, f"{path.name} has no signed list at its end")
            need(members[-2].file_size <= LONGEST_MANIFEST, f"{path.name}: its list is too long")
            manifest = opened.read(members[-2])
            self.facts = json.loads(manifest)
            need(self.facts["format"] == FORMAT, f"{path.name} is no pack of this kind")
            self.check_signature(manifest, opened.read(members[-1]), key)
            self.check_members(opened, members[:-2])
            self.check_room(members)

    def check_signature(self, manifest, signature, key):
        own = bytes.fromhex(self.facts["public_key"])
        need(key is None or own == key, f"{self.path.name} is not signed by the key that was given")
        message = f"casework pack 1\n{hashlib.sha256(manifest).hexdigest()}\n".encode()
        verify(own, bytes.fromhex(signature.decode("ascii").strip()), message, f"{self.path.name}: its list")

    def check_members(self, opened, members):
        listed = self.facts["members"]
        names = [one.filename for one in members]
        need(names == [one["name"] for one in listed], f"{self.path.name}: a file was added, taken out or moved")
        need(len(set(names)) == len(names), f"{self.path.name}: a file is there twice")
        for member, said in zip(members, listed):
            need(NAME.match(member.filename), f"a file has a name that none may have: {member.filename!r}")
            need(".." not in member.filename, f"a file has a name that none may have: {member.filename!r}")
            need(member.compress_type == zipfile.ZIP_STORED, f"{member.filename} is packed, which no office's file is")
            digest, size = hashlib.sha256(), 0
            with opened.open(member) as file:
                for block in iter(lambda: file.read(BLOCK), b""):
                    digest.update(block)
                    size += len(block)
            need((digest.hexdigest(), size) == (said["sha256"], said["size"]), f"{member.filename} was changed")

    def check_room(self, members):
        """No byte lies before, between or after the members: a ZIP may hide things where no program looks."""
        at = 0
        for member in members:
            need(
                member.header_offset == at and not member.extra and not member.comment,
                "something lies between the files",
            )
            at += 30 + len(member.filename.encode()) + member.file_size
        for member in members:
            at += 46 + len(member.filename.encode())
        need(at + 22 == self.path.stat().st_size, "something lies before, between or after the files")


def check_anchor(facts, given):
    anchor = facts["anchor"]
    if anchor:
        text = "".join(
            f"{fact}\n"
            for fact in (
                "casework checkpoint 1", anchor["log"], anchor["size"], anchor["root"], anchor["previous"], anchor["made_at"],
            )
        )  # fmt: skip
        message = hashlib.sha256(text.encode()).digest()
        verify(bytes.fromhex(facts["public_key"]), bytes.fromhex(anchor["signature"]), message, "the seal in it")
    if given:
        size, _blank, root = given.strip().partition(" ")
        need(anchor, "nothing was sealed when the pack was made, so no paper fits it")
        fits = int(size) == anchor["size"] and len(root) >= 12 and anchor["root"].startswith(root.strip().lower())
        need(fits, "the foot line is not that of the seal in the pack")


def verify(key, signature, message, what):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature as error:
        raise Refused(f"{what} is not signed by the office") from error


if __name__ == "__main__":
    sys.exit(main())
