"""P1, the umbrella: a support plan of measures. It moves no money itself; each paid measure is a case of its own programme.

The township clerk agrees to the plan; there is no village review of a plan and no notice of it, but leaving is published.
"""

from django.utils.translation import gettext_lazy as _

from flows.programmes import parts
from flows.spec import Edge, Spec, by_return

_PLAN = (
    Edge("registered", "submit", "township_review", parts.CLERK, "prepare", is_main=True),
    Edge("township_review", "approve_plan", "follow_up", "township_clerk", "township_check", is_main=True),
    Edge("township_review", "return", "returned", "township_clerk", "township_check"),
    Edge("township_review", "refuse", "refused", "township_clerk", "township_check"),
    Edge("returned", "resubmit", by_return(township_review="township_review"), parts.CLERK, "prepare", is_main=True),
    Edge("returned", "withdraw", "withdrawn", parts.CLERK, "prepare"),
    Edge("township_review", "withdraw", "withdrawn", parts.CLERK, "prepare"),
    Edge("follow_up", "visit", "follow_up", parts.SURVEYORS, "prepare", is_main=True),
    Edge("follow_up", "propose_exit", "exit_review", parts.CLERK, "prepare"),
    Edge("exit_review", "keep_open", "follow_up", "township_approver", "approve"),
    Edge("refused", "appeal", "appeal", parts.CLERK, "prepare"),
    Edge("appeal", "overturn_refusal", "follow_up", "county_reviewer", "county_review", is_main=True),
    Edge("appeal", "uphold_refusal", "refused", "county_reviewer", "county_review"),
)

SPEC = Spec(
    code="family_care",
    title=_("亲情关爱"),
    has_money=False,
    edges=parts.INTAKE + _PLAN + parts.CLOSE_WITH_NOTICE,
)
