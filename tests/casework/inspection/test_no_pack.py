"""What is no pack at all is refused in one line, whatever its list of members looks like; no font is needed for that."""

import json
from pathlib import Path

import pytest

from casework.inspection.standalone import verify_pack
from tests.audit.bundles import zipped


@pytest.mark.parametrize("manifest", [b"", b"[1]", b"null", b'{"format": 1}', b'{"a":' * 100_000])
def test_a_list_of_members_that_is_none_does_not_hold(
    manifest: bytes, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pack = tmp_path / "pack.zip"
    pack.write_bytes(zipped([("README.txt", b""), ("manifest.json", manifest), ("manifest.sig", b"00")]))

    assert verify_pack.main([str(pack), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["holds"] is False
