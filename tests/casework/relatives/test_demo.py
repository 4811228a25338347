"""The demo's register: declarations of people of elsewhere, one on paper, and cases that they flag."""

from casework.demo import relatives
from casework.models import RelativeFlag
from families.models import Cadre, ConflictDeclaration, Household, RelativeStatement
from tests.world import World


def test_the_demo_has_a_register_with_hits_and_bars_nobody_who_handles_the_case(world: World) -> None:
    world.brought_to("village_review")
    home = world.household()
    Household.objects.filter(pk=home.pk).update(is_hardship=False, severity="")

    relatives.declare()

    assert ConflictDeclaration.objects.count() >= 2 and Cadre.objects.count() == 1
    assert RelativeFlag.objects.filter(is_declared=True, is_late=False).count() == 1
    assert RelativeStatement.objects.exists()
