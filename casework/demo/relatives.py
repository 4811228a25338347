"""The demo's register of close relatives: people of other places whose kin live in families with open cases, and who stated."""

from access.models import Appointment, OrgUnit, Staff
from access.vault import unseal
from audit import clock
from casework.demo.township import FIRST_DAY
from casework.models import Case
from casework.relatives import register
from families.models import Household
from families.relatives.declaring import Relative

# (who declares, where the family's case stands, what the head of that family is to her)
_KIN = (
    ("village_head", "registered", "sibling"),
    ("township_clerk", "village_review", "parents_sibling"),
    ("resident_cadre", "township_review", "parent_in_law"),
)


def declare() -> None:
    """Three declarations with a case each, one of a member of a village committee on paper, and most of the statements."""
    with clock.frozen_at(FIRST_DAY):
        for role, state, relation in _KIN:
            case = Case.objects.filter(state=state, is_open=True, household__head__person_key__isnull=False).first()
            by = _far_from(case, role) if case else None
            if by is not None:
                register.declare_own(_relative(case.household, relation), by=by)
        _on_paper()
        for staff in Staff.objects.filter(appointments__role__in=("village_head", "township_approver", "fund_manager")):
            register.state_own(by=staff)


def _far_from(case: Case, role: str) -> Staff | None:
    """Somebody in this post who does not handle the case: of another village, or the second one of the office."""
    posts = Appointment.objects.filter(role=role, valid_to__isnull=True).exclude(unit=case.village_id)
    held = case.duties.values_list("person_key", flat=True)
    post = posts.exclude(staff__person_key__in=held).select_related("staff").order_by("-pk").first()
    return post.staff if post else None


def _on_paper() -> None:
    clerk = Appointment.objects.filter(role="township_clerk", valid_to__isnull=True).order_by("pk").first()
    home = Household.objects.filter(is_hardship=False, head__person_key__isnull=False).order_by("pk").first()
    village = OrgUnit.objects.filter(level="village", township=clerk.unit).order_by("code").first()
    if clerk is None or home is None or village is None:
        return
    cadre = register.register_cadre("柳满仓", "99999919700315003X", unit=village, post="村委会委员", by=clerk.staff)
    register.declare_for(cadre, _relative(home, "sibling"), by=clerk.staff)
    register.state_for(cadre, by=clerk.staff)


def _relative(household: Household, relation: str) -> Relative:
    head = household.head
    return Relative(head.name, unseal(head.id_number_sealed, row=head.id_number_row), relation)
