"""A photo whose camera wrote nonsense beside it is a photo all the same."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image

from casework import uploads


def photo(orientation: int = 1, gps: dict[int, Any] | None = None) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.DateTime] = "2026:04:01 10:00:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    out = io.BytesIO()
    Image.linear_gradient("L").resize((60, 40)).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def cleaned(content: bytes) -> uploads.Clean:
    return uploads.clean(SimpleUploadedFile("x.jpg", content))


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (60, 40)), (3, (60, 40)), (6, (40, 60)), (8, (40, 60)), (99, (60, 40))]
)
def test_a_photo_stands_upright(orientation: int, size: tuple[int, int]) -> None:
    with Image.open(cleaned(photo(orientation)).file) as upright:
        assert upright.size == size
        assert not upright.getexif()


def test_a_tag_of_the_wrong_kind_costs_nobody_the_photo() -> None:
    """The camera's day stands where a width in pixels belongs."""
    content = photo(6)
    damaged = content.replace(b"\x01\x32\x00\x02", b"\x01\x00\x00\x02")
    assert damaged != content

    assert cleaned(damaged).content_type == "image/jpeg"


@pytest.mark.parametrize("degrees", [4294967295.0, 90.5])
def test_a_place_that_is_nowhere_is_no_place(degrees: float) -> None:
    place = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (degrees, 0.0, 0.0),
        ExifTags.GPS.GPSLongitudeRef: "E",
        ExifTags.GPS.GPSLongitude: (degrees, 0.0, 0.0),
    }
    assert cleaned(photo(gps=place)).place == ""
