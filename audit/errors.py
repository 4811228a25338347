class AuditError(Exception):
    """Base of every refusal of this app."""


class ClockIsReal(AuditError):
    """The business clock may be moved in demo and test installations only."""
