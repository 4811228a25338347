"""A form of a page, filled in as a person would: what the page has put in stays, the first of a choice is taken, and what is
empty gets something plausible by its name. What a form asks for beyond that stands in tests/authorisation/given.py."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.casework.test_damaged_photos import photo

PASSWORD = "a-long-password-1"
WORDS = "核对过了，没有问题"
BY_NAME = {"_year": "2026", "_month": "5", "_day": "6"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, Any] = field(default_factory=dict)
    blank: dict[str, str] = field(default_factory=dict)  # {name: type} of what nobody has filled in
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.select = self.area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, kind = given.get("name") or "", given.get("type") or "text"
        if tag == "form":
            self.open = Form(given.get("action") or "", (given.get("method") or "get").lower())
            self.forms.append(self.open)
        elif self.open is None:
            return
        elif tag == "input" and name:
            self._input(name, kind, given)
        elif tag == "select" and name:
            self.select = name
            self.open.choices.setdefault(name, [])
        elif tag == "option" and self.select and "disabled" not in given:
            value = given.get("value") or ""
            if value:
                self.open.choices[self.select].append(value)
            if "selected" in given and value:
                self.open.fields[self.select] = value
        elif tag == "textarea" and name:
            self.area = name
            self.open.blank[name] = "text"
        elif tag == "button" and name:
            self.open.buttons.append((name, given.get("value") or ""))

    def _input(self, name: str, kind: str, given: dict[str, Any]) -> None:
        form, value = self.open, given.get("value") or ""
        if kind in ("radio", "checkbox"):
            sent = value if "value" in given else "on"
            if "checked" in given:
                form.fields[name] = sent
            elif "required" in given or kind == "radio":
                form.choices.setdefault(name, []).append(sent)
        elif kind == "hidden" or value:
            form.fields[name] = value
        else:
            form.blank[name] = kind

    def handle_data(self, data: str) -> None:
        if self.area and data.strip():
            self.open.fields[self.area] = data.strip()
            self.open.blank.pop(self.area, None)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


def forms_of(page: str) -> list[Form]:
    reader = _Reader()
    reader.feed(page)
    return reader.forms


def form_to(page: str, address: str, *, shown_at: str) -> Form | None:
    """The form on this page that is sent to the address."""
    for form in forms_of(page):
        target = form.action.partition("?")[0] or shown_at
        if form.method == "post" and target == address:
            return form
    return None


def filled(form: Form, given: dict[str, Any]) -> dict[str, Any]:
    """What would be sent. `given` wins; None in it leaves a field out."""
    data = dict(form.fields)
    data |= {name: values[0] for name, values in form.choices.items() if values and name not in data}
    data |= dict(_blanks(form))
    data |= {name: "1" for name, value in form.fields.items() if name.startswith("q-") and value == "0"}
    if form.buttons and not any(name in given for name, _value in form.buttons):
        data.setdefault(*form.buttons[0])
    data |= given
    data.pop("csrfmiddlewaretoken", None)
    return {name: value for name, value in data.items() if value is not None}


def _blanks(form: Form) -> Iterator[tuple[str, Any]]:
    for name, kind in form.blank.items():
        if kind == "file":
            yield name, picture
        elif kind == "password":
            yield name, PASSWORD
        else:
            yield name, next((value for end, value in BY_NAME.items() if name.endswith(end)), _by_word(name, kind))


def _by_word(name: str, kind: str) -> str:
    if kind == "date":
        return "2026-05-06"
    if any(word in name for word in ("amount", "fen", "yuan", "cash", "bank_fen", "price", "value", "cap")):
        return "10"
    if (
        kind == "number"
        or name.startswith("q-")
        or any(word in name for word in ("count", "quantity", "minutes", "parts", "months"))
    ):
        return "1"
    return WORDS


def picture() -> SimpleUploadedFile:
    """A new one for each cell: a file that was read once is empty."""
    return SimpleUploadedFile("a.jpg", photo(), "image/jpeg")


def as_sent(data: dict[str, Any]) -> dict[str, Any]:
    """With fresh files in place of what makes them."""
    return {name: value() if callable(value) else value for name, value in data.items()}
