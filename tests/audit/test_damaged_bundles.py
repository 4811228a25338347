"""Bundles that somebody changed: none of them holds, and every clean one does. 300 at each push, 10,000 with -m torture.

Three hands change them. One has the file alone, and flips bits, drops, doubles, moves and edits whatever he finds. One
knows the format and makes everything fit again, without the key. One has the key, and signs a manifest over evidence that
is not that of the seals: what is found then is found by leaves, proofs, seals and balances alone.
"""

import contextlib
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit import bundle, checkpoints, leaves
from audit.context import Acting, request_of
from tests.audit.attack import settle
from tests.audit.bundles import members_of, standalone, with_manifest, zipped
from tests.world import World

EACH_PUSH, ON_DEMAND = 300, 10_000


@dataclass
class Shelf:
    """Clean bundles, and what checks them."""

    verifier: ModuleType
    key: Any
    folder: Path
    clean: dict[str, bytes]

    def verdict(self, data: bytes) -> str:
        """ "" when it holds, else why not."""
        path = self.folder / "bundle.zip"
        path.write_bytes(data)
        try:
            self.verifier.check(path, self.key)
        except self.verifier.Refused as refusal:
            return str(refusal)
        return ""


@pytest.fixture
def shelf(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The whole trail, one case and one fund, with and without what they are bound to; five seals."""
    monkeypatch.setattr(leaves, "_own_transaction", lambda: 0)
    for state in ("draft", "village_notice", "fund_reserved"):
        case = world.brought_to(state)
        settle()
        checkpoints.seal(limit=200)
    checkpoints.seal()
    days = bundle.Selection(described={"none": 1}, sql="SELECT 0 WHERE false")
    clean = {}
    for name, selection in (
        ("whole", bundle.WHOLE),
        ("case", bundle.selected("case", case.case_no)),
        ("fund", bundle.selected("fund", world.fund.code)),
        ("nothing", days),
    ):
        for reveal in ("", "核对"):
            path = tmp_path / "made.zip"
            with request_of(lambda: Acting(by_id=0, by_name="shell")):
                bundle.export(path, selection, reveal=reveal)
            clean[f"{name}{' in clear' if reveal else ''}"] = path.read_bytes()
    verifier = standalone()
    return Shelf(verifier, verifier.read_key(checkpoints.public_key().hex()), tmp_path, clean)


# ---------------------------------------------------------------- the three hands


def with_the_file_alone(data: bytes, chance: random.Random) -> bytes:
    return chance.choice(BYTES)(data, chance)


def flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def flipped_in_the_frame(data: bytes, chance: random.Random) -> bytes:
    """In the directory, the end or a header, where programs that read zip files look little."""
    begin = data.index(b"PK\1\2")
    at = chance.choice([chance.randrange(begin, len(data)), chance.randrange(0, 30), begin - chance.randrange(1, 200)])
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def cut_short(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def beginning_cut(data: bytes, chance: random.Random) -> bytes:
    return data[chance.randrange(1, 400) :]


def added_to(data: bytes, chance: random.Random) -> bytes:
    at = chance.choice([0, len(data), chance.randrange(len(data))])
    return data[:at] + chance.randbytes(chance.randrange(1, 40)) + data[at:]


def zeroed(data: bytes, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(data)), chance.randrange(1, 64)
    out = data[:at] + bytes(len(data[at : at + size])) + data[at + size :]
    return out if out != data else flipped(data, chance)


def swapped(data: bytes, chance: random.Random) -> bytes:
    one, two = sorted(chance.sample(range(len(data)), 2))
    out = bytearray(data)
    out[one], out[two] = out[two], out[one]
    return bytes(out) if bytes(out) != data else flipped(data, chance)


BYTES = [flipped, flipped, flipped, flipped_in_the_frame, cut_short, beginning_cut, added_to, zeroed, swapped]


def knowing_the_format(data: bytes, chance: random.Random) -> bytes:
    """Everything fits again: checksums, directory, manifest; the signature is the old one, cut, or another key's."""
    members = members_of(data)
    changed = chance.choice([edited_member, dropped_member, doubled_member, moved_member, added_member, other_line])(
        members, chance
    )
    own = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    how = chance.randrange(5)
    if isinstance(changed, list):
        return zipped(changed)
    if how == 0 and changed != members:
        return zipped(list(changed.items()))
    if how == 1:
        return with_manifest(changed, None)
    if how == 2:
        return with_manifest(changed, own.sign)
    if how == 3:
        return with_manifest(changed, own.sign, public_key=public)
    return with_manifest(changed, lambda message: own.sign(message)[: chance.randrange(64)])


def edited_member(members: dict[str, bytes], chance: random.Random) -> dict[str, bytes] | list[tuple[str, bytes]]:
    name = chance.choice([name for name, content in members.items() if content])
    edited = members | {name: flipped(members[name], chance)}
    return list(edited.items()) if name.startswith("manifest") else edited


def dropped_member(members: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    name = chance.choice([name for name in members if not name.startswith("manifest")])
    return {one: content for one, content in members.items() if one != name}


def doubled_member(members: dict[str, bytes], chance: random.Random) -> list[tuple[str, bytes]]:
    pairs = list(members.items())
    pairs.insert(chance.randrange(len(pairs) + 1), chance.choice(pairs))
    return pairs


def moved_member(members: dict[str, bytes], chance: random.Random) -> list[tuple[str, bytes]]:
    pairs = list(members.items())
    one, two = chance.sample(range(len(pairs)), 2)
    pairs[one], pairs[two] = pairs[two], pairs[one]
    return pairs


def added_member(members: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    name = chance.choice(
        ["events/000007.jsonl", "notes.txt", "../up.txt", "proofs/000000.jsonl", "Events/000000.jsonl"]
    )
    return {name: b"x\n"} | members


def other_line(members: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    name = chance.choice([name for name, content in members.items() if name.endswith(".jsonl") and content])
    return members | {name: changed_lines(members[name], chance)}


def with_the_key(data: bytes, chance: random.Random) -> bytes:
    """The manifest is signed as it should be; the evidence is not what was sealed."""
    members = members_of(data)
    weighty = [name for name in members if name.endswith(".jsonl") and members[name]]
    name = chance.choice(weighty)
    content = members[name]
    if name == "accounts.jsonl":
        changed = other_balance(content, chance)
    elif name == "checkpoints.jsonl":
        changed = edited_line(content, chance)
    else:
        changed = changed_lines(content, chance)
    return with_manifest(members | {name: changed}, checkpoints.sign)


def other_balance(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    n = chance.randrange(len(lines))
    row = json.loads(lines[n])
    row[chance.choice(["debit_fen", "credit_fen"])] += chance.choice([1, -1, 100, 10**12])
    lines[n] = bundle.canonical(row) + b"\n"
    return b"".join(lines)


def changed_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    n = chance.randrange(len(lines))
    how = chance.randrange(6)
    if how == 0:
        return b"".join(lines[:n] + lines[n + 1 :])
    if how == 1:
        return b"".join(lines[: n + 1] + lines[n:])
    if how == 2 and len(lines) > 1:
        other = (n + chance.randrange(1, len(lines))) % len(lines)
        lines[n], lines[other] = lines[other], lines[n]
        return b"".join(lines)
    return edited_line(content, chance)


def edited_line(content: bytes, chance: random.Random) -> bytes:
    """Another value, or the same ones written otherwise."""
    lines = content.splitlines(keepends=True)
    n = chance.randrange(len(lines))
    line, row = lines[n], json.loads(lines[n])
    edits: list[Callable[[], bytes]] = [
        lambda: bundle.canonical(_other_value(row, chance)) + b"\n",
        lambda: bundle.canonical(_other_value(row, chance)) + b"\n",
        lambda: json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n",
        lambda: line[:-2] + b',"zz":1}\n',
        lambda: b'{"at":"",' + line[1:],
        lambda: line[:-2] + b',"v":1.0}\n',
        lambda: line[:-1] + b" \n",
        lambda: line[:-1] + b"\r\n",
        lambda: b"\n" + line,
        lambda: line[:-1],
        lambda: b"\xff" + line,
    ]
    lines[n] = chance.choice(edits)()
    changed = b"".join(lines)
    return changed if changed != content else flipped(content, chance)


def _other_value(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    name = chance.choice(sorted(row))
    value = row[name]
    if type(value) is int:
        return row | {name: value + chance.choice([1, -1, 2**33])}
    if type(value) is str and len(value) >= 32 and set(value) <= set("0123456789abcdef"):
        at = chance.randrange(len(value))
        return row | {name: value[:at] + "0123456789abcdef"[(int(value[at], 16) + 1) % 16] + value[at + 1 :]}
    if type(value) is str:
        return row | {name: value + "x"}
    if type(value) is list:
        return row | {name: value[1:] if value else ["00" * 32]}
    return row | {name: _other_value(value, chance)}


HANDS = (with_the_file_alone, knowing_the_format, with_the_key)


def damaged(shelf: Shelf, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(what was done, the file), each hand in turn on each bundle in turn."""
    names = [name for name in shelf.clean if not name.startswith("nothing")]
    for n in range(count):
        chance = random.Random(f"{seed}-{n}")
        hand, name = HANDS[n % 3], names[n // 3 % len(names)]
        data = hand(shelf.clean[name], chance)
        if data != shelf.clean[name]:
            yield f"{seed}-{n}: {hand.__name__} on {name}", data


# ---------------------------------------------------------------- tests


def test_clean_bundles_hold(shelf: Shelf) -> None:
    for name, data in shelf.clean.items():
        assert shelf.verdict(data) == "", name


def test_damaged_bundles_do_not_hold(shelf: Shelf) -> None:
    believed = [what for what, data in damaged(shelf, EACH_PUSH, seed=1) if not shelf.verdict(data)]

    assert believed == []


@pytest.mark.torture
def test_ten_thousand_damaged_bundles_do_not_hold(shelf: Shelf) -> None:
    believed, tried = [], 0
    for what, data in damaged(shelf, ON_DEMAND, seed=random.SystemRandom().randrange(10**9)):
        tried += 1
        if not shelf.verdict(data):
            believed.append(what)

    assert believed == [] and tried > ON_DEMAND * 0.95
    test_clean_bundles_hold(shelf)


def test_bits_of_a_small_bundle_all_matter(shelf: Shelf) -> None:
    """Every byte of one that shows nothing is flipped in one place: seals, verifier, texts, frame."""
    data = shelf.clean["nothing"]
    chance = random.Random(5)

    for at in [*range(0, len(data), 97), *range(len(data) - 700, len(data))]:
        changed = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        assert shelf.verdict(changed), f"byte {at} of {len(data)} does not matter"


def test_the_inner_proofs_alone_refuse(shelf: Shelf) -> None:
    """With a manifest that is signed as it should be, it is leaves, proofs, seals and balances that say no."""
    words = set()
    for n in range(200):
        chance = random.Random(n)
        name = chance.choice(["whole", "case", "fund in clear"])
        words.add(shelf.verdict(with_the_key(shelf.clean[name], chance)).split(": ")[-1].split(" (")[0])

    assert "" not in words
    assert {"not in the tree", "not canonical"} <= words
    assert any("has not the root" in one for one in words) and any(
        "does not follow" in one or "seal" in one for one in words
    )


def test_a_proof_of_another_event_is_none(shelf: Shelf) -> None:
    members = members_of(shelf.clean["case"])
    proofs = members["proofs/000000.jsonl"].splitlines(keepends=True)
    one, two = json.loads(proofs[3]), json.loads(proofs[4])
    proofs[3] = bundle.canonical(one | {"path": two["path"]}) + b"\n"
    members["proofs/000000.jsonl"] = b"".join(proofs)

    assert "not in the tree" in shelf.verdict(with_manifest(members, checkpoints.sign))


@pytest.mark.parametrize("name", ["whole in clear", "fund in clear"])
def test_what_is_opened_stands_at_its_own_place(shelf: Shelf, name: str) -> None:
    """Found by the ten thousand: the verifier believed whatever position an opening named."""
    members = members_of(shelf.clean[name])
    lines = members["openings/000000.jsonl"].splitlines(keepends=True)
    row = json.loads(lines[2])
    lines[2] = bundle.canonical(row | {"position": row["position"] + 1}) + b"\n"
    members["openings/000000.jsonl"] = b"".join(lines)

    assert "another position" in shelf.verdict(with_manifest(members, checkpoints.sign))


def test_a_seal_made_with_another_key_is_none(shelf: Shelf) -> None:
    """Even where whoever holds the right key signs the manifest over it."""
    members = members_of(shelf.clean["whole"])
    lines = members["checkpoints.jsonl"].splitlines(keepends=True)
    row = json.loads(lines[-1])
    row["signature"] = Ed25519PrivateKey.generate().sign(shelf.verifier.checkpoint_hash(row)).hex()
    lines[-1] = bundle.canonical(row) + b"\n"
    members["checkpoints.jsonl"] = b"".join(lines)

    assert "signature" in shelf.verdict(with_manifest(members, checkpoints.sign))


def test_a_zip_that_unpacks_to_more_is_refused(shelf: Shelf) -> None:
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, content in members_of(shelf.clean["whole"]).items():
            bomb.writestr(name, content)
        bomb.writestr("events/000001.jsonl", b"0" * 10_000_000)

    assert shelf.verdict(file.getvalue())


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000 + b"}",
        b"[1]",
        b"null",
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b"",
    ],
)
def test_what_may_be_read_in_two_ways_is_not_read(line: bytes) -> None:
    verifier = standalone()
    with pytest.raises(verifier.Refused):
        verifier.canonical(line, "here")


def an_erasure(**facts: Any) -> dict[str, Any]:
    told = {"after": "0" * 64, "because": "aided_file", "by": "7+8", "on": "2040-01-10", "order": 1, "row": 3}
    told |= {"table": "families_historicalperson"} | facts
    event = {"at": "2040-01-10T08:00:00Z", "commitment": "0" * 64, "entry": 5, "n": 1, "row": 9, "stream": "erasure:1"}
    return event | {"table": "audit_erasure", "v": 1, "facts": told}


@pytest.mark.parametrize("by", ["", "7", "7+", "7+7", "7 + 8", "07+7", "7+8+9", "7+8\n", "７+８", "Wang+Li", "0+7"])
def test_an_erasure_that_does_not_name_two_accounts_does_not_hold(by: str) -> None:
    verifier = standalone()
    for two in ("7+8", "7+77", "77+7"):
        verifier.read_event(an_erasure(by=two), "here")

    with pytest.raises(verifier.Refused, match="by is not what it should be"):
        verifier.read_event(an_erasure(by=by), "here")


def test_one_order_of_erasure_has_one_day_one_rule_and_two_accounts() -> None:
    verifier = standalone()
    erasures = verifier.Erasures()
    erasures.told(an_erasure()["facts"], "here")
    erasures.told(an_erasure(row=4)["facts"], "here")

    for other in ({"by": "7+9"}, {"on": "2040-01-11"}, {"because": "refused_file"}):
        with pytest.raises(verifier.Refused, match="one order"):
            erasures.told(an_erasure(row=5, **other)["facts"], "here")


def test_the_command_says_in_one_line_that_it_does_not_hold(shelf: Shelf) -> None:
    (shelf.folder / "bad.zip").write_bytes(flipped(shelf.clean["whole"], random.Random(3)))
    for path, begin in (("bad.zip", "DOES NOT HOLD: "), ("none.zip", "CANNOT BE READ: ")):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = shelf.verifier.main([str(shelf.folder / path), "--key", checkpoints.public_key().hex()])
        assert status == 1 and out.getvalue().startswith(begin) and out.getvalue().count("\n") == 1
