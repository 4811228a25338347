"""P8: repair or rebuild the only house of a hardship household. Paid by the progress of the work, each part after somebody has
looked. Moving people out of danger is disaster relief or an emergency; nothing is paid first here."""

from django.utils.translation import gettext_lazy as _

from flows.programmes import parts
from flows.spec import Spec

SPEC = Spec(
    code="housing_aid",
    title=_("危房改造"),
    per="household",
    edges=parts.without_emergency(parts.WITH_MONEY + parts.APPROVE + parts.CLOSE_AT_ONCE),
)
