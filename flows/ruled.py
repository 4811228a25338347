"""Whatever has dated rules: programmes and kinds of lists, by the one code that money and rules know them by."""

from flows.lists import KINDS, Kind, ListParameters
from flows.parameters import Parameters
from flows.programmes import PROGRAMMES
from flows.spec import Spec

RULED: dict[str, Spec | Kind] = {**PROGRAMMES, **KINDS}


def parameters_of(code: str) -> type[Parameters] | type[ListParameters]:
    """What the versions of a programme, or of a kind of list, are made of."""
    return ListParameters if code in KINDS else Parameters
