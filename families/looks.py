"""What a photo looks like in 64 bits: cropped a little, compressed or made brighter it stays nearly the same.

Each bit says whether a point of the picture, shrunk to 9 by 8 grey points, is brighter than the next one in its row
(the "difference hash"). Two looks are compared by how many bits differ.
"""

import io

from PIL import Image

TELLING = range(8, 57)  # set bits; a picture of one colour, or of one slope, looks like any other


def look_of(content: bytes) -> int | None:
    """The look as a signed 64-bit number for the database; None for a picture that shows nothing to tell it by."""
    with Image.open(io.BytesIO(content)) as picture:
        grey = picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (grey[row * 9 + column] > grey[row * 9 + column + 1])
    if bits.bit_count() not in TELLING:
        return None
    return bits - (1 << 64) if bits >> 63 else bits
