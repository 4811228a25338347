"""The case of a close relative of somebody who works here: it goes up, the county visits, and late knowledge is looked at."""

from django.utils.translation import gettext as _

from casework.acting import Act, before
from casework.errors import Recused
from casework.recusal import own_families
from casework.relatives import flags, gate
from flows.errors import NoSuchEdge


@before("register", "submit_makeup", "resubmit")
def neither_surveyor_is_close(this: Act) -> None:
    """A survey that somebody made before it was known that she is a relative is made again by others."""
    case = this.case
    for surveyor in (case.survey.surveyor, case.survey.second_surveyor):
        if own_families([case.household_id], [surveyor.person_key]):
            raise Recused(
                _("%(name)s 是这家的近亲属，这份调查表不能用，请换人重新入户调查。") % {"name": surveyor.name}
            )


@before("register", "submit_makeup", "resubmit")
def the_family_said_so(this: Act) -> None:
    """The applicants were asked in the survey, and named a cadre."""
    flags.raise_for_applicant(this.case, by=this.by)


@before("register", "submit", "submit_makeup", "resubmit", "check", "approve", "review", "confirm")
def the_case_goes_up(this: Act) -> None:
    """Whoever is found by now, by a declaration, an import or a move, counts before the next decision."""
    found = flags.look_again(this.case, by=this.by)
    gate.go_up(this.case, found)


@before("check", "approve", "approve_plan", "review", "confirm", "countersign", "list_payment")
def late_knowledge_was_looked_at(this: Act) -> None:
    gate.demand_reviewed(this.case, flags.look_again(this.case, by=this.by))


@before("approve", "confirm", "countersign")
def the_county_was_there(this: Act) -> None:
    case = this.case
    try:
        to_state = case.spec.target(case.state, this.action, tier=case.tier, return_to=case.return_to)
    except NoSuchEdge:
        return  # act() says so
    gate.demand_visited(case, flags.look_again(case, by=this.by), to_state)
