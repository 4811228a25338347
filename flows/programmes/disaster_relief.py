"""P2: four steps, reported by the household, reviewed by the village, checked by the township, confirmed by the county;
in an emergency the money comes first and the papers are made up."""

from django.utils.translation import gettext_lazy as _

from flows.programmes import parts
from flows.spec import Spec

SPEC = Spec(
    code="disaster_relief",
    title=_("救灾救济"),
    per="household",
    edges=parts.WITH_MONEY + parts.EMERGENCY + parts.APPROVE + parts.CLOSE_AT_ONCE,
)
