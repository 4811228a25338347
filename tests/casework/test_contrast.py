"""The look, computed from the style sheets: contrast of every pair in use, size, and nothing inline."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static" / "css"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
TOKENS = (CSS / "tokens.css").read_text(encoding="utf-8")


def colours(selector: str) -> dict[str, str]:
    block = re.search(re.escape(selector) + r"\s*\{(.*?)\n\}", TOKENS, re.DOTALL).group(1)
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})", block))


STANDARD = colours(":root")
LOOKS = {"standard": STANDARD, "high": STANDARD | colours("[data-contrast=high]")}

_TINTED = ["ok", "wait", "soon", "bad", "query", "still"]
TEXT = [
    *[("ink", f"{tone}-soft") for tone in _TINTED],
    *[(tone, f"{tone}-soft") for tone in _TINTED],
    *[(text, ground) for text in ("ink", "ink-2", "ink-3") for ground in ("paper", "surface", "sunken", "brand-soft")],
    *[("ink-2", f"{tone}-soft") for tone in ("ok", "query", "soon", "bad", "wait")],
    *[(text, ground) for text in ("ok", "wait", "soon", "bad", "query", "seal") for ground in ("surface", "paper")],
    *[("brand-ink", ground) for ground in ("paper", "surface", "sunken", "brand-soft", "wait-soft", "soon-soft")],
    *[("on-brand", ground) for ground in ("brand", "brand-deep", "bad", "c1", "c3", "c4")],
    *[("on-brand-2", ground) for ground in ("brand", "brand-deep")],
    ("brand-deep", "on-brand-2"),
    ("brand-deep", "on-brand"),
    ("bad", "sunken"),
    ("bad", "soon-soft"),
    ("surface", "ink"),
    ("focus-on-brand", "ink"),
]
CONTROLS = [
    *[("control", ground) for ground in ("surface", "paper", "sunken", "brand-soft")],
    *[("brand", ground) for ground in ("surface", "paper")],
    *[("bad", ground) for ground in ("surface", "paper")],
    *[("focus", ground) for ground in ("surface", "paper", "brand-soft")],
    *[("focus-on-brand", ground) for ground in ("brand", "brand-deep")],
    *[(f"c{number}", "surface") for number in range(1, 6)],
]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_agrees_with_the_standard():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read_on_its_ground(look, text, ground):
    assert contrast(LOOKS[look][text], LOOKS[look][ground]) >= 4.5


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("control", "ground"), CONTROLS)
def test_controls_can_be_seen_on_their_ground(look, control, ground):
    assert contrast(LOOKS[look][control], LOOKS[look][ground]) >= 3


def test_the_style_sheets_stay_within_12_kb():
    sheets = b"".join((CSS / name).read_bytes() for name in ("tokens.css", "components.css"))

    assert len(gzip.compress(sheets, 9)) <= 12 * 1024


def test_the_sheet_of_the_pictures_stays_within_2_kb():
    assert len(gzip.compress((CSS / "charts.css").read_bytes(), 9)) <= 2 * 1024


@pytest.mark.parametrize("sheet", ["components.css", "charts.css"])
def test_only_tokens_name_colours_of_their_own(sheet):
    components = (CSS / sheet).read_text(encoding="utf-8")
    without_drawings = re.sub(r'url\("data:[^"]*"\)', "", components)

    assert set(re.findall(r":\s*(#[0-9a-f]{3,6})\b", without_drawings)) <= {"#fff", "#000", "#888"}


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_page_carries_style_or_script_inline(template):
    source = template.read_text(encoding="utf-8")

    assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))


def test_no_sheet_fetches_anything_from_elsewhere():
    for sheet in CSS.glob("*.css"):
        assert "http" not in sheet.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "@import" not in sheet.read_text(encoding="utf-8")
