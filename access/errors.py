from django.utils.translation import gettext_lazy as _


class AccessError(Exception):
    """Base of every refusal of this app. str() is for the person who was refused."""


class StaffIsKept(AccessError):
    def __init__(self) -> None:
        super().__init__(_("账号不能删除，只能停用：历史记录要留下经办人。"))


class BadAppointment(AccessError):
    """An appointment, delegation or grant that may not be."""


class BadStaff(AccessError):
    """An account that may not be made or changed like this."""


class BadReset(AccessError):
    """A password or second factor that may not be reset like this."""


class BadOrgUnits(AccessError):
    """The file of org units cannot be imported; nothing was changed."""


class DecryptionFailed(AccessError):
    """A sealed value does not belong to this row, or its key is missing."""


class BadFactor(AccessError):
    """A second factor that may not be enrolled, used or taken away like this."""


class NotConfirmed(AccessError):
    """The step asks who is acting once more, and she has not said so, or wrongly. Nothing was done."""


class BadBreakGlass(AccessError):
    """Emergency access, or its review, that may not be."""


class TooManyTries(NotConfirmed):
    """Wrong too often lately; she has to wait."""


class EnrolFirst(NotConfirmed):
    """The step asks for a code, and no second factor is enrolled for this account yet."""


class KeysRefused(AccessError):
    """Keys that cannot be renewed or retired like this. Nothing was changed."""
