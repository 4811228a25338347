"""The vocabulary of every template: loaded as builtins, described one by one in docs/ui.md."""

import datetime
from typing import Any

from django import forms, template
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import BaseForm, BaseFormSet, BoundField
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit import clock
from casework import days
from casework import due as deadlines
from casework.fields import DayInput
from casework.icons import ICONS, MARK
from flows.states import STATES
from funds import freezing
from funds import money as money_in
from funds.models import PaymentFreeze

register = template.Library()

# ---------------------------------------------------------------- language and look


@register.simple_tag
def html_lang() -> str:
    """The page's language as a BCP 47 tag: zh-Hans, en."""
    language, _dash, script = (get_language() or settings.LANGUAGE_CODE).partition("-")
    return f"{language}-{script.capitalize()}" if script else language


register.simple_tag(days.speaks_chinese)


# ---------------------------------------------------------------- icons

_SVG = '<svg class="{}" viewBox="0 0 {} {}"{}>{}</svg>'
_HIDDEN = mark_safe(' aria-hidden="true" focusable="false"')


@register.simple_tag
def icon(name: str, tone: str = "", label: str = "") -> SafeString:
    """A drawing beside a word. Only with `label` does it speak for itself. An unknown name is a KeyError: a bug."""
    spoken = format_html(' role="img" aria-label="{}"', label) if label else _HIDDEN
    return format_html(_SVG, f"i {tone}".strip(), 24, 24, spoken, mark_safe(ICONS[name]))


@register.simple_tag
def mark() -> SafeString:
    """The sign of the house: a roof with a sprout beneath."""
    return format_html(_SVG, "mark", 32, 32, _HIDDEN, mark_safe(MARK))


# ---------------------------------------------------------------- money

register.filter("yuan", money_in.yuan)
register.filter("wan", money_in.wan)
register.filter("capitals", money_in.capitals)


@register.simple_tag
def money(amount_fen: int | None, big: bool = False) -> SafeString:
    """An amount with its unit."""
    if amount_fen is None:
        return mark_safe('<span class="money">—</span>')
    look = "money money-big" if big else "money"
    return format_html('<span class="{}">{}<small>{}</small></span>', look, money_in.yuan(amount_fen), _("元"))


@register.filter
def share(part: int, whole: int) -> str:
    """Per cent with one decimal, for the widths of bars and for words: 34.6. Nothing of nothing is 0."""
    return f"{100 * part / whole:.1f}".removesuffix(".0") if whole else "0"


@register.filter
def quoted(words: str) -> str:
    """Somebody's own words, in the quotation marks of the reader's language."""
    return _("「%(words)s」") % {"words": words}


# ---------------------------------------------------------------- days

register.filter(days.day)
register.filter(days.day_short)
register.filter(days.moment)
register.filter(days.full_day)
register.filter(days.full_moment)
register.filter(days.saved)


# ---------------------------------------------------------------- states and deadlines

_TONE_OF = {state.code: state.tone for state in STATES.values()}


def _pill(words: Any, tone: str, code: str = "") -> SafeString:
    look = f"st st-{tone}" if tone and tone != "none" else "st"
    code = format_html(' data-state="{}"', code) if code else ""
    return format_html('<span class="{}"{}>{}</span>', look, code, words)


@register.simple_tag
def state(code: str, label: Any, tone: str = "") -> SafeString:
    """A status pill. Tones: wait ok soon act query end none; without one the case state's own tone is taken."""
    return _pill(label, tone or _TONE_OF.get(str(code), "none"), str(code))


@register.simple_tag
def pill(words: Any, tone: str = "none") -> SafeString:
    """A status word that is no case state: 等复核, 疑似."""
    return _pill(words, tone)


@register.simple_tag
def due(
    date: datetime.date | None, today: datetime.date | None = None, working_days_left: int | None = None
) -> SafeString:
    """A pill that says how near a deadline is, in working days; `working_days_left` saves counting them."""
    today = today or clock.today()
    if working_days_left is None:
        found = deadlines.deadline(date, today)
    else:
        found = deadlines.due_of(date, today, working_days_left)
    return _pill(found.words, found.tone)


# ---------------------------------------------------------------- forms


@register.filter
def kind(bound: BoundField) -> str:
    """Which of our markups a field takes: cards, day, check, file, or line."""
    widget = bound.field.widget
    if isinstance(widget, forms.RadioSelect):  # CheckboxSelectMultiple is one, too
        return "cards"
    if isinstance(widget, DayInput):
        return "day"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.FileInput):
        return "file"
    return "line"


@register.filter
def optional(bound: BoundField) -> bool:
    """Whether a field is marked 选填: not where its form may ask for it after all, or does so just now."""
    return not (bound.field.required or bound.errors or getattr(bound.field, "is_sometimes_required", False))


@register.simple_tag
def field(
    bound: BoundField, label: Any = None, hint: Any = None, width: str = "", big: bool = False, **attrs: Any
) -> SafeString:
    """One field with label, hint, error and control.

    `width` is "", "s" or "m"; `big` makes the label the page's heading; further keywords become attributes of the
    control (underscores become hyphens).
    """
    if label is not None:
        bound.label = label
    if hint is not None:
        bound.help_text = hint
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    if width:
        attrs["class"] = f"{bound.field.widget.attrs.get('class', '')} w-{width}".strip()
    context = {"field": bound, "big": big}
    if kind(bound) not in ("check", "file"):
        context["control"] = bound.as_widget(attrs=attrs)
    return bound.form.render(bound.template_name, context)


_BARE_CODES = {
    "required",
    "invalid",
    "invalid_choice",
    "max_length",
    "min_length",
    "max_value",
    "min_value",
    "min",
    "max",
}


@register.inclusion_tag("parts/_errors.html")
def errors(*given: BaseForm | BaseFormSet, focus: bool = True) -> dict[str, Any]:
    """What must be mended, with links to the fields; takes the focus. Renders nothing when all is well."""
    found = []
    for form_or_set in given:
        if not form_or_set.is_bound:
            continue
        if isinstance(form_or_set, BaseFormSet):
            found += [{"href": "", "text": text} for text in form_or_set.non_form_errors()]
            found += [problem for form in form_or_set for problem in _problems_of(form)]
        else:
            found += _problems_of(form_or_set)
    return {"found": found, "focus": focus}


def _problems_of(form: BaseForm) -> list[dict[str, str]]:
    found = []
    for name, problems in form.errors.as_data().items():
        bound = None if name == NON_FIELD_ERRORS else form[name]
        href = f"#{_first_id(bound)}" if bound is not None else ""
        for problem in problems:
            for text in problem.messages:
                if bound is not None and problem.code in _BARE_CODES:
                    label = str(bound.label).rstrip("？?：:")
                    text = _("%(label)s：%(problem)s") % {"label": label, "problem": text}
                found.append({"href": href, "text": text})
    return found


def _first_id(bound: BoundField) -> str:
    """The id that the reader must land on: the first card, the year box, or the control itself."""
    suffix = {"cards": "_0", "day": "_year"}.get(kind(bound), "")
    return f"{bound.auto_id}{suffix}"


# ---------------------------------------------------------------- messages

_NOTE_ICONS = {"info": "info", "ok": "check-circle", "soon": "clock", "bad": "warning", "query": "chat"}


@register.simple_block_tag
def note(content: str, tone: str = "info", title: Any = "", icon: str = "") -> SafeString:
    """A message on the page. Tones: info ok soon bad query."""
    look = "note" if tone == "info" else f"note note-{tone}"
    heading = format_html("<b>{}</b>", title) if title else ""
    drawing = _draw(icon or _NOTE_ICONS[tone])
    return format_html('<div class="{}">{}<div>{}{}</div></div>', look, drawing, heading, content)


def _draw(name: str) -> SafeString:
    return icon(name)


@register.filter
def message_tone(level_tag: str) -> str:
    """django.contrib.messages levels in our tones."""
    return {"success": "ok", "warning": "soon", "error": "bad"}.get(level_tag, "info")


@register.inclusion_tag("parts/_nothing.html")
def nothing(title: Any, text: Any = "", icon: str = "sprout") -> dict[str, Any]:
    """An empty list says so kindly, and says what comes next. (`empty` belongs to {% for %}.)"""
    return {"title": title, "text": text, "icon": icon}


@register.simple_tag
def payments_freeze() -> PaymentFreeze | None:
    """The newest restore after which payments stand still, or None."""
    return freezing.open_freezes().first()


# ---------------------------------------------------------------- lists


@register.simple_tag
def heads(**titles: Any) -> dict[str, Any]:
    """Column titles, once for <th> and for data-th: {% heads who=_("户主") sum=_("金额（元）") as th %}."""
    return titles


@register.inclusion_tag("parts/_pager.html", takes_context=True)
def pager(context: template.Context, page: Any, unit: Any = "", key: str = "page") -> dict[str, Any]:
    """Links to the other pages of a django Page; the rest of the query stays as it is."""
    query: QueryDict = context["request"].GET.copy() if "request" in context else QueryDict(mutable=True)

    def link(number: int) -> str:
        query[key] = str(number)
        return f"?{query.urlencode()}"

    elided = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return {
        "page": page,
        "unit": unit,
        "links": [
            {"label": number, "url": link(number), "current": number == page.number}
            if isinstance(number, int)
            else {"label": number, "url": ""}
            for number in elided
        ],
        "previous": link(page.previous_page_number()) if page.has_previous() else "",
        "next": link(page.next_page_number()) if page.has_next() else "",
    }


@register.filter
def capped(number: int | None, at: int = 1000) -> str:
    """Counts beyond `at` cost more than they tell: 1000+."""
    if number is None:
        return ""
    return f"{at}+" if number > at else str(number)


@register.filter
def up_to(number: int) -> range:
    """1 … number, to draw that many steps."""
    return range(1, number + 1)


@register.filter
def initial(name: Any) -> str:
    """The first character of a name, for a round face."""
    return str(name)[:1]
