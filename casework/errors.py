"""Refusals of casework. The text is for the person who was refused: what happened, and what to do next."""

from typing import Any

from access.errors import AccessError
from families.errors import FamiliesError
from flows.errors import FlowsError
from funds.errors import FundsError


class CaseworkError(Exception):
    """Base of every refusal of this app."""


class WrongState(CaseworkError):
    """The case is not where this action begins; somebody else was perhaps quicker."""


class NotYourTurn(CaseworkError):
    """The person has no post that takes this action for this case."""


class SecondDuty(CaseworkError):
    """The natural person already holds another duty in this case."""


class Recused(CaseworkError):
    """The natural person is a close relative of the household."""


class MissingDocuments(CaseworkError):
    """Papers or records that must be there before this action. `missing` lists them all at once (一次性告知)."""

    def __init__(self, message: str, missing: list[str]) -> None:
        super().__init__(message)
        self.missing = missing


class ReasonNeeded(CaseworkError):
    """This action must say why."""


class TooEarly(CaseworkError):
    """A period that cannot be shortened has not run out."""


class OverTheLimit(CaseworkError):
    """The amount is above what this path or this programme allows."""


class WaitsForReview(CaseworkError):
    """A close relative acted before anybody knew; somebody one tier up has to look at it first."""


class ApprovalVoid(CaseworkError):
    """Something that was approved has changed since; the signature no longer covers it."""


class KeyReused(CaseworkError):
    """The idempotency key was used for another act."""


class BadCaseData(CaseworkError):
    """What was entered contradicts itself."""


class NoSuchCase(CaseworkError):
    """There is no such case, or not for this person: the answer is the same."""


class PaymentBarred(CaseworkError):
    """Something in a batch must not be paid. `findings` are all of casework.guards, one for each thing that was seen."""

    def __init__(self, message: str, findings: list[Any]) -> None:
        super().__init__(message)
        self.findings = findings


class NotLookedOver(PaymentBarred):
    """Nothing bars the payment, but somebody has to say how she looked at the `findings`."""


class NoChineseFont(CaseworkError):
    """The machine has no font with which a PDF could be set."""


class NoRoom(CaseworkError):
    """The disk is full, or would be before the work is done. Nothing was left behind."""


class FileSpoilt(CaseworkError):
    """A file is gone or no longer what was written down when it was made. Nothing of it was handed out."""


# Everything a person may be refused with. Whatever else is raised is a fault, and crashes.
REFUSALS = (CaseworkError, FlowsError, FundsError, FamiliesError, AccessError)
