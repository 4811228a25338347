"""A request that claims to be written in nonsense is answered like any other, though Django breaks over it."""

from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from casework.charset import ReadableCharset

NO_TEXT = ["hex", "rot13", "zlib", "base64", "undefined", "bz2", '"hex"']
TEXT = ["utf-8", "gb18030", "utf-16", "utf-7", "no-such-name"]


def asked(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    request = WSGIRequest(environ)
    return [request.GET.get("q", "").encode(), request.POST.get("a", "").encode()]


@pytest.mark.parametrize("charset", NO_TEXT + TEXT)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain"])
def test_any_charset_gets_its_answer(charset: str, kind: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD="POST", QUERY_STRING="q=1", CONTENT_LENGTH=len(body), CONTENT_TYPE=f"{kind}; charset={charset}",
        **{"wsgi.input": RequestFactory().generic("POST", "/", body).environ["wsgi.input"]},
    )  # fmt: skip

    assert len(ReadableCharset(asked)(environ, None)) == 2


@pytest.mark.parametrize("charset", ["hex", "zlib"])
def test_without_it_django_breaks(charset: str) -> None:
    """When this fails, Django has learnt it, and casework/charset.py may go."""
    with pytest.raises(LookupError):
        RequestFactory().generic("POST", "/?q=1", b"x", content_type=f"text/plain; charset={charset}")
