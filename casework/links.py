"""Addresses of pages that several desks point to; "" while an installation leaves such a page out."""

from typing import Any

from django.urls import NoReverseMatch, reverse

from casework.papers import has_picture


def case_url(case_id: int) -> str:
    """The page that tells a case's whole story."""
    return _url("cases:detail", case_id)


def document_url(document: Any) -> str:
    """Where a paper is read; the view there asks scope() again."""
    return _url("cases:document", document.pk)


def picture_url(document: Any) -> str:
    """Its small picture; "" for what is no image and for papers that carry whole numbers."""
    return _url("cases:picture", document.pk) if has_picture(document) else ""


def _url(name: str, key: int) -> str:
    try:
        return reverse(name, args=[key])
    except NoReverseMatch:
        return ""
