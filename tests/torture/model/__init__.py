"""What the ledger should say, in plain integers. It shares nothing with funds: two hands that agree are seldom both wrong.

Every verb either moves the money of the model or raises Refused and moves nothing. Told from the books up: `books`,
`decisions`, `payments`, `floats`, `proposals`; the words of all are in `words`.
"""

from tests.torture.model.proposals import Proposals
from tests.torture.model.words import LAW, Refused


class Model(Proposals):
    """The whole of it, and what is refused whatever the books hold."""

    def again(self, n: int) -> None:
        """The key of a transfer is used up, whatever it is used for."""
        raise Refused(LAW)

    def tamper(self) -> None:
        raise Refused(LAW)
