"""Whatever has dated rules: programmes, kinds of lists and registers, by the one code that money and rules know them by."""

from flows.kin import REGISTERS, KinParameters, Register
from flows.lists import KINDS, Kind, ListParameters
from flows.parameters import Parameters
from flows.programmes import PROGRAMMES
from flows.spec import Spec

RULED: dict[str, Spec | Kind | Register] = {**PROGRAMMES, **KINDS, **REGISTERS}


def parameters_of(code: str) -> type[Parameters] | type[ListParameters] | type[KinParameters]:
    """What the versions of a programme, of a kind of list, or of a register are made of."""
    if code in REGISTERS:
        return KinParameters
    return ListParameters if code in KINDS else Parameters
