class FundsError(Exception):
    """Base of every refusal of this app. The text tells the person what to do."""


class MoneyError(FundsError):
    """An amount that cannot be read or written."""


class FundShort(FundsError):
    """There is not enough money where it would be taken from."""


class NoFund(FundsError):
    """No allocation may pay for this programme, place and year."""


class WrongPaymentState(FundsError):
    """The payment or batch is not in the state that this step needs."""


class PaymentsFrozen(FundsError):
    """After a restore nothing is released or sent before the bank was asked what it has paid."""


class WrongDay(FundsError):
    """The bank cannot have answered, nor the family have got its money, on that day."""


class SamePerson(FundsError):
    """One natural person may not do two of these."""


class AlreadyThere(FundsError):
    """It has been entered before and is entered once."""


class Earmarked(FundsError):
    """The money was given for something else (专款专用)."""


class MonthClosed(FundsError):
    """The books of that month are closed and stay as they are."""


class WrongProposal(FundsError):
    """A proposal is not in the state that this step needs, or asks for something that cannot be."""


class NotYours(FundsError):
    """No post of the person, of her own or in somebody else's stead, lets her do this there."""


class NotThatMuch(FundsError):
    """More is asked for than there is to give back, to check or to write off."""


class StockShort(FundsError):
    """There are not as many goods as are asked for, or they have expired."""


class WrongSlip(FundsError):
    """The slip or stock-take is not such that this can be done with it."""


class WrongReceipt(FundsError):
    """A paper of an income is missing, was used before, or does not fit its fund."""


class WrongReconciliation(FundsError):
    """The bank's balance cannot be written down, prepared or reviewed so."""


class ImprestBlocked(FundsError):
    """Nothing may be handed out of the float now; the text says what has to be done first."""


class ImprestShort(FundsError):
    """The float has not that much in hand, or its limit has no room for it."""


class SecondPerson(FundsError):
    """The second person of what two did has not confirmed it, or has answered already; the text says which."""


class ReceiptUsed(FundsError):
    """The picture of this receipt proves another handing-over."""
