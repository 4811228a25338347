"""P4: for a student of a hardship household; tied to being enrolled, never to marks. No emergency path: a fee deadline is
served by deadlines, not by paying first."""

from django.utils.translation import gettext_lazy as _

from flows.programmes import parts
from flows.spec import Spec

SPEC = Spec(
    code="education_grant",
    title=_("教育助学"),
    per="person",
    edges=parts.without_emergency(parts.WITH_MONEY + parts.APPROVE + parts.CLOSE_AT_ONCE),
)
