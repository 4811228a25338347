class AuditError(Exception):
    """Base of every refusal of this app."""


class ClockIsReal(AuditError):
    """The business clock may be moved in demo and test installations only."""


class TreeIsBroken(AuditError):
    """The stored tree is not the one that was sealed last; nothing more is sealed over it."""


class NothingSealed(AuditError):
    """There is no seal yet whose key could be handed over."""


class ErasureRefused(AuditError):
    """An erasure that was not ordered by two persons, or was carried out before. Nothing was erased."""


class BundleTooLarge(AuditError):
    """An audit bundle that no zip file of the simple kind can hold."""


class NothingToExport(AuditError):
    """There is no seal yet, or nobody knows what was asked for."""


class NotAudited(AuditError):
    """A table that is not under audit, and of which nothing is derived."""
