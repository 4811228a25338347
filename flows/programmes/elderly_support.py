"""P5: for people of sixty and more who are alone, disabled or poor; help goes on for a time, so leaving it is published too."""

from django.utils.translation import gettext_lazy as _

from flows.programmes import parts
from flows.spec import Spec

SPEC = Spec(
    code="elderly_support",
    title=_("养老扶助"),
    per="person",
    edges=parts.WITH_MONEY + parts.EMERGENCY + parts.APPROVE + parts.CLOSE_WITH_NOTICE,
)
