from casework import checks
from flows.models import ProgrammeVersion
from tests.world import World


def test_rules_that_ask_for_an_unknown_document_are_found(world: World) -> None:
    assert checks.documents_are_known(None, databases=["default"]) == []
    version = ProgrammeVersion.objects.get(programme="disaster_relief")
    version.parameters |= {"documents": {"register": ["application", "moon_permit"]}}
    version.save()

    (error,) = checks.documents_are_known(None, databases=["default"])

    assert error.id == "casework.documents" and "moon_permit" in error.msg
