"""Drawn photos and papers of the demo: a house that nobody lives in, a sheet that nobody signed. No two look alike."""

import io
import random
import zlib

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 480, 360
PHOTOS = ("damage_photo", "house_photo", "progress_photo", "visit_photo")


def picture(kind: str, text: str) -> bytes:
    """A small drawing as PNG, its own for each text; photos differ to the eye as well (families.looks)."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#f6f3ec")
    draw = ImageDraw.Draw(image)
    if kind in PHOTOS:
        _house(draw, random.Random(zlib.crc32(text.encode())))
    else:
        _sheet(draw)
    draw.text((8, 342), text, fill="#4a544e")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _sheet(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((90, 30, 390, 330), fill="#fffefb", outline="#747c75", width=2)
    for line in range(6):
        draw.line((120, 90 + line * 32, 360 - (line % 3) * 40, 90 + line * 32), fill="#747c75", width=3)
    draw.ellipse((290, 250, 350, 310), outline="#a5301f", width=4)


def _house(draw: ImageDraw.ImageDraw, dice: random.Random) -> None:
    """Sky, hills, a farmhouse somewhere with a hole in its roof, a few trees."""
    for column in range(6):  # clouds
        grey = dice.randrange(150, 245)
        draw.rectangle((column * 80, 0, column * 80 + 80, 220), fill=(grey, grey + 5, grey + 8))
    ridge = [(x, dice.randrange(70, 200)) for x in range(0, WIDTH + 1, 80)]
    draw.polygon([*ridge, (WIDTH, 240), (0, 240)], fill=dice.choice(("#b9c4b4", "#8c9c86", "#6f7f6c")))
    draw.rectangle((0, 230, WIDTH, HEIGHT), fill=dice.choice(("#c9bd9f", "#a99a78", "#d8d0bb")))
    left, right = dice.randrange(20, 180), dice.randrange(300, 460)
    top = dice.randrange(130, 190)
    wall, roof = dice.choice(
        (("#efe6d2", "#6d5a4c"), ("#c8b28d", "#3f4a4d"), ("#f7f4ea", "#8d4f3a"), ("#9a8a74", "#d0c8b8"))
    )
    draw.rectangle((left, top, right, 310), fill=wall)
    draw.polygon(((left - 25, top), (left + 30, top - 70), (right - 30, top - 70), (right + 25, top)), fill=roof)
    for _window in range(dice.randrange(1, 4)):
        x = dice.randrange(left + 5, right - 45)
        draw.rectangle((x, top + 30, x + 40, top + 72), fill="#4f6366")
    hole = dice.randrange(left + 20, right - 70)
    draw.polygon(((hole, top - 60), (hole + 46, top - 50), (hole + 58, top - 12), (hole + 10, top - 6)), fill="#2a2320")
    for _tree in range(dice.randrange(1, 5)):
        x, size = dice.randrange(0, WIDTH), dice.randrange(25, 60)
        draw.rectangle((x - 4, 250, x + 4, 320), fill="#4a3a2c")
        draw.ellipse((x - size, 250 - 2 * size, x + size, 260), fill=dice.choice(("#40553c", "#7c9468", "#2c3a2a")))
