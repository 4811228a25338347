"""The largest photos that are taken, each in a process of its own: a worker has 512 MB, and other things to hold in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from casework import uploads
from tests.jobs import processes

MOST_MB = 440  # of a process that has done nothing else
READ = """
import json, re, sys
from pathlib import Path
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from casework import uploads
with open(sys.argv[1], "rb") as file:
    upload = SimpleUploadedFile("x", file.read())
try:
    said = list(Image.open(uploads.clean(upload).file).size)
except uploads.BadUpload as refused:
    said = str(refused)
print(json.dumps([said, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024]))
"""


def photo(path: Path, points: int, kind: str, mode: str = "RGB", **how: Any) -> Path:
    """Lying on its side, twice as high as wide."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    width = int((points / 2) ** 0.5)
    Image.new(mode, (width, points // width)).save(path, kind, exif=exif, **how)
    return path


def read(path: Path) -> tuple[Any, int]:
    """(size of the photo, or the words of the refusal; the peak in MB)"""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], cwd=processes.ROOT, capture_output=True, text=True, check=True,
        env=processes.environment(DJANGO_SETTINGS_MODULE="casework.settings"),
    )  # fmt: skip
    return tuple(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("most", "kind", "mode", "how"),
    [
        (uploads.PIXEL_LIMIT, "JPEG", "RGB", {}),
        (uploads.WHOLE_LIMIT, "JPEG", "CMYK", {"progressive": True}),
        (uploads.WHOLE_LIMIT, "PNG", "RGBA", {}),
        (uploads.WHOLE_LIMIT, "PNG", "P", {}),
        (uploads.WHOLE_LIMIT, "WEBP", "RGB", {}),
    ],
    ids=["camera", "progressive", "with transparency", "palette", "webp"],
)
def test_the_largest_photo_that_is_taken_fits_into_a_worker(
    tmp_path: Path, most: int, kind: str, mode: str, how: dict[str, Any]
) -> None:
    size, peak_mb = read(photo(tmp_path / "photo", most, kind, mode, **how))

    assert size == [2000, 1000], size
    assert peak_mb <= MOST_MB


@pytest.mark.parametrize(("kind", "how"), [("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})])
def test_what_is_read_whole_may_be_less_large(tmp_path: Path, kind: str, how: dict[str, Any]) -> None:
    said, peak_mb = read(photo(tmp_path / "photo", uploads.WHOLE_LIMIT * 11 // 10, kind, **how))

    assert "照片太大" in said
    assert peak_mb < 250
