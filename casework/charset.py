"""Before Django: what claims to be written in something that is no way of writing text is read as UTF-8.

Django makes its request out of the charset in Content-Type, and a name that Python knows for another kind of codec (hex,
zip, rot13, undefined) breaks that before any page or middleware could answer: a bare 500 for whoever likes to send it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_CHARSET = re.compile(r";\s*charset\s*=\s*[^;]*", re.IGNORECASE)
_TRIED = bytes(range(32, 127))


class ReadableCharset:
    """WSGI around `application`: drops a charset by which nothing can be read."""

    def __init__(self, application: WSGI) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        for claim in _CHARSET.findall(content_type):
            if not _reads_text(claim.partition("=")[2].strip(" \"'")):
                environ["CONTENT_TYPE"] = _CHARSET.sub("", content_type)
        return self.application(environ, start_response)


def _reads_text(charset: str) -> bool:
    """Whether Python decodes plain ASCII with it, whatever comes out."""
    try:
        _TRIED.decode(charset, "replace")
    except (LookupError, ValueError):  # no such name, no codec of text, or one that takes no errors aside
        return False
    return True
