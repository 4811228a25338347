"""Bundles for the tests: written by us, read by the verifier that imports nothing of ours, and taken apart to be damaged."""

import importlib.util
import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from audit import bundle, checkpoints
from audit.strict_zip import StrictZip

VERIFIER = Path(bundle.__file__).parent / "standalone" / "verify_bundle.py"


def standalone() -> ModuleType:
    """The verifier as a module, from its file."""
    spec = importlib.util.spec_from_file_location("verify_bundle", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_alone(*arguments: Any) -> tuple[int, dict[str, Any]]:
    """The verifier in a process of its own that sees neither this project nor its environment: (exit status, answer)."""
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def members_of(data: bytes) -> dict[str, bytes]:
    """{name: content} in order, read by the local headers alone."""
    found, at = {}, 0
    while data[at : at + 4] == b"PK\3\4":
        size, _again, name_length, extra = struct.unpack_from("<LLHH", data, at + 18)
        name = data[at + 30 : at + 30 + name_length].decode()
        begin = at + 30 + name_length + extra
        found[name] = data[begin : begin + size]
        at = begin + size
    return found


def zipped(members: list[tuple[str, bytes]]) -> bytes:
    """A well-formed file of these members, in this order."""
    file = io.BytesIO()
    whole = StrictZip(file)
    for name, content in members:
        whole.add(name, [content])
    whole.close()
    return file.getvalue()


def with_manifest(members: dict[str, bytes], sign: Any, **changes: Any) -> bytes:
    """The members with a manifest that fits them, signed by `sign`(message) -> 64 bytes; None keeps the old signature."""
    import hashlib

    manifest = json.loads(members["manifest.json"]) | changes
    rest = {name: content for name, content in members.items() if not name.startswith("manifest.")}
    manifest["members"] = [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in rest.items()
    ]
    written = bundle.canonical(manifest)
    signature = members["manifest.sig"]
    if sign is not None:
        message = f"casework bundle 1\n{hashlib.sha256(written).hexdigest()}\n"
        signature = f"{sign(message.encode()).hex()}\n".encode()
    return zipped([*rest.items(), ("manifest.json", written), ("manifest.sig", signature)])


def key() -> str:
    return checkpoints.public_key().hex()
