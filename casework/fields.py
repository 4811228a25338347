"""Form fields that speak the users' language: amounts in yuan, days in three boxes, answers as cards, photo slots."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from casework.days import day_short
from funds.errors import MoneyError
from funds.money import parse_yuan, yuan


def sometimes_required(field: forms.Field) -> Any:
    """A field that its form asks for in some cases only, and which may therefore not be called 选填."""
    field.required, field.is_sometimes_required = False, True
    return field


class MoneyInput(forms.TextInput):
    template_name = "django/forms/widgets/money.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class MoneyField(forms.Field):
    """Yuan as people write them; cleans to whole fen. `initial` is fen too."""

    widget = MoneyInput
    default_error_messages = {
        "min": _("至少要 %(yuan)s 元。"),
        "max": _("最多 %(yuan)s 元。"),
    }

    def __init__(self, *, min_fen: int = 0, max_fen: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_fen, self.max_fen = min_fen, max_fen

    def prepare_value(self, value: Any) -> Any:
        return yuan(value).replace(",", "") if isinstance(value, int) else value

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        if isinstance(value, int):
            return value
        try:
            return parse_yuan(str(value))
        except MoneyError as error:
            raise ValidationError(str(error), code="money") from error

    def validate(self, value: int | None) -> None:
        super().validate(value)
        if value is None:
            return
        if value < self.min_fen:
            raise ValidationError(self.error_messages["min"], code="min", params={"yuan": yuan(self.min_fen)})
        if self.max_fen is not None and value > self.max_fen:
            raise ValidationError(self.error_messages["max"], code="max", params={"yuan": yuan(self.max_fen)})


class DayInput(forms.Widget):
    """Three boxes, year, month and day: no picker to fight with, and nothing that needs a script."""

    template_name = "django/forms/widgets/day.html"
    use_fieldset = True
    PARTS = ("year", "month", "day")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["parts"] = dict(zip(self.PARTS, self._boxes(value), strict=True))
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        boxes = tuple(str(data.get(f"{name}_{part}", "")).strip() for part in self.PARTS)
        return boxes if any(boxes) else None

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and not any(f"{name}_{part}" in data for part in self.PARTS)

    def id_for_label(self, id_: str) -> str:
        return ""

    @staticmethod
    def _boxes(value: Any) -> tuple[Any, ...]:
        if isinstance(value, datetime.date):
            return value.year, value.month, value.day
        if isinstance(value, str):
            return (*value.split("-"), "", "", "")[:3]
        return value or ("", "", "")


class DayField(forms.Field):
    """A calendar day. `latest` may be a callable such as audit.clock.today."""

    widget = DayInput
    default_error_messages = {
        "incomplete": _("年、月、日都要填，例如 2026 年 4 月 15 日。"),
        "year": _("年份要填 4 位，例如 2026。"),
        "no_such_day": _("没有这一天，请再看一遍。"),
        "latest": _("不能晚于 %(day)s。"),
        "earliest": _("不能早于 %(day)s。"),
    }

    def __init__(
        self,
        *,
        earliest: datetime.date | Callable[[], datetime.date] | None = None,
        latest: datetime.date | Callable[[], datetime.date] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.earliest, self.latest = earliest, latest

    def not_before(self, sent_on: datetime.date | None) -> None:
        """Of money that was sent that day: nobody can have answered earlier, and the form says so."""
        self.earliest = sent_on
        if sent_on:
            self.help_text = _now("%(day)s交出去的，不能早于这一天。") % {"day": day_short(sent_on)}

    def to_python(self, value: Any) -> datetime.date | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime.date):
            return value
        boxes = value.split("-") if isinstance(value, str) else value
        if len(boxes) != 3 or not all(box.isdecimal() for box in boxes):
            raise ValidationError(self.error_messages["incomplete"], code="incomplete")
        if len(boxes[0]) != 4:
            raise ValidationError(self.error_messages["year"], code="year")
        try:
            return datetime.date(*map(int, boxes))
        except (ValueError, OverflowError) as error:
            raise ValidationError(self.error_messages["no_such_day"], code="no_such_day") from error

    def validate(self, value: datetime.date | None) -> None:
        super().validate(value)
        if value is None:
            return
        earliest, latest = (limit() if callable(limit) else limit for limit in (self.earliest, self.latest))
        if latest and value > latest:
            self._refuse("latest", latest)
        if earliest and value < earliest:
            self._refuse("earliest", earliest)

    def _refuse(self, code: str, limit: datetime.date) -> NoReturn:
        raise ValidationError(self.error_messages[code], code=code, params={"day": limit.isoformat()})

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


class _Cards:
    """Big answer cards. `hints` is {value: one short sentence under the label}; `look` is "", "two" or "kinds"."""

    def __init__(
        self,
        attrs: dict[str, Any] | None = None,
        choices: Any = (),
        *,
        hints: Mapping[Any, Any] | None = None,
        look: str = "",
    ) -> None:
        super().__init__({**(attrs or {}), **({"class": look} if look else {})}, choices)
        self.hints = dict(hints or {})

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["hint"] = self.hints.get(getattr(value, "value", value), "")
        return option


class AnswerCards(_Cards, forms.RadioSelect):
    """One of several answers."""


class TickCards(_Cards, forms.CheckboxSelectMultiple):
    """Any of several answers."""


class PhotoInput(forms.FileInput):
    """A slot for one photo, taken with the camera or chosen from the phone."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"accept": "image/*", **(attrs or {})})


class PhotoField(forms.ImageField):
    widget = PhotoInput
