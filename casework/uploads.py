"""What a person uploads, made safe: kind told by content, photos set anew without what the camera wrote into them.

Where and when a photo was taken is evidence, so it is read before it is stripped and kept beside the file.
"""

import datetime
import io
import struct
import uuid
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from casework.errors import BadCaseData

PHOTO_LIMIT = 12 * 1024 * 1024
PDF_LIMIT = 8 * 1024 * 1024
PIXEL_LIMIT = 60_000_000  # of a usual JPEG, which is read at a fraction of its size
WHOLE_LIMIT = 16_000_000  # of what can only be read whole: up to 16 bytes a point for a while, and a worker has 512 MB
LONGEST_SIDE = 2000
SMALL = (480, 480)
FORMATS = ("JPEG", "PNG", "WEBP")
# A PDF that runs something or carries files is no scan of a paper.
ACTIVE_PDF = (b"/JavaScript", b"/JS ", b"/JS(", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/RichMedia")


class BadUpload(BadCaseData):
    """A file that is not taken in, and why."""


@dataclass(frozen=True)
class Clean:
    """A file ready to be kept. `place` is "latitude,longitude" as the camera wrote it, or empty."""

    file: ContentFile
    content_type: str
    taken_on: datetime.date | None = None
    place: str = ""


def clean(upload: UploadedFile, *, pdf: bool = True) -> Clean:
    """Check and clean one upload. Raises BadUpload with what to do instead."""
    head = upload.read(8)
    upload.seek(0)
    if head.startswith(b"%PDF-"):
        if not pdf:
            raise BadUpload(_("这里要照片，不收 PDF。"))
        return _pdf(upload)
    return _photo(upload)


def _pdf(upload: UploadedFile) -> Clean:
    if upload.size > PDF_LIMIT:
        raise BadUpload(_("PDF 太大，最多 %(mb)d MB。请扫描得小一点，或改成拍照。") % {"mb": PDF_LIMIT // 2**20})
    content = upload.read()
    if any(mark in content for mark in ACTIVE_PDF):
        raise BadUpload(_("这个 PDF 里有会自己运行的东西，不能收。请改成拍照。"))
    return Clean(ContentFile(content, name=f"{uuid.uuid4().hex}.pdf"), "application/pdf")


def _photo(upload: UploadedFile) -> Clean:
    if upload.size > PHOTO_LIMIT:
        raise BadUpload(_("照片太大，最多 %(mb)d MB。") % {"mb": PHOTO_LIMIT // 2**20})
    try:
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > (PIXEL_LIMIT if _is_read_in_part(image) else WHOLE_LIMIT):
                raise BadUpload(_("照片太大，请用普通清晰度再拍一张。"))
            taken_on, place = _evidence(image)
            orientation = image.getexif().get(ExifTags.Base.Orientation)
            photo = _upright(_shrunk(image), orientation).convert("RGB")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        struct.error,
    ) as error:
        raise BadUpload(_("认不出这个文件。只收照片（JPG、PNG、WebP）和 PDF。")) from error
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=82, optimize=True)
    return Clean(ContentFile(out.getvalue(), name=f"{uuid.uuid4().hex}.jpg"), "image/jpeg", taken_on, place)


# What the camera wrote as Orientation. ImageOps.exif_transpose would write the other tags anew, and fails on damaged ones.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, orientation: Any) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _is_read_in_part(image: Image.Image) -> bool:
    """Cameras write such JPEGs; a progressive one is unpacked whole whatever size is asked for."""
    return isinstance(image, JpegImageFile) and not image.info.get("progressive")


def _shrunk(image: Image.Image) -> Image.Image:
    """At most LONGEST_SIDE long, before anything is copied: of sixty million points each copy would take 240 MB."""
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    photo = image if image.mode in ("RGB", "L") else image.convert("RGB")
    photo.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return photo


def small(file: Any) -> bytes | None:
    """A JPEG of the photo, small enough for a page; None when it is no photo."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            image.draft("RGB", SMALL)  # a large JPEG is read at a fraction of its size
            photo = image.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return None
    photo.thumbnail(SMALL)
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=75)
    return out.getvalue()


def _evidence(image: Image.Image) -> tuple[datetime.date | None, str]:
    exif = image.getexif()
    taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    return _day(taken), _place(exif.get_ifd(ExifTags.IFD.GPSInfo))


def _day(taken: Any) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(str(taken)[:10], "%Y:%m:%d").date()
    except ValueError:
        return None


def _place(gps: dict[int, Any]) -> str:
    try:
        latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef, "N"), "S")
        longitude = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef, "E"), "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return ""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # nor NaN
        return ""
    return f"{latitude:.5f},{longitude:.5f}"


def _degrees(parts: Any, reference: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if reference == negative else value
