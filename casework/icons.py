"""The drawings of static/icons/icons.svg, read once, so that {% icon %} can stand them inline in a page."""

import re
from pathlib import Path

from django.conf import settings

_FOLDER = Path(settings.BASE_DIR) / "static" / "icons"

ICONS: dict[str, str] = dict(
    re.findall(r'<symbol id="([a-z-]+)">(.*?)</symbol>', (_FOLDER / "icons.svg").read_text(encoding="utf-8"))
)
MARK: str = re.sub(r"</?svg[^>]*>", "", (_FOLDER / "mark.svg").read_text(encoding="utf-8")).strip()
