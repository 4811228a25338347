"""Why the bank sends money back. Stored as it stands here, because it is part of the record; shown in any language."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

RETURN_REASONS = (
    gettext_noop("户名不符"),
    gettext_noop("账号不存在"),
    gettext_noop("已销户"),
    gettext_noop("账户状态异常"),
    gettext_noop("超过限额"),
    gettext_noop("银行系统原因"),
    gettext_noop("其他原因"),
)
AS_BANKS_WRITE = (gettext_noop("账号户名不符"),)  # not on the list, and so common that it has a translation
NOT_TAKEN = gettext_noop("没有领取")  # cash that came back with those who carried it
# The account is right: the same one may be tried again.
ACCOUNT_IS_RIGHT = ("银行系统原因", "超过限额", NOT_TAKEN)


def not_taken(note: str) -> str:
    """As it is stored, in the language of the record whatever the reader's."""
    return f"{NOT_TAKEN}：{note.strip()}"


def labelled(label: object, words: object) -> str:
    """户名不符：户名为江政; Name does not match: the name is …"""
    return _("%(label)s：%(words)s") % {"label": label, "words": words}


def returned_words(stored: str) -> str:
    """The stored reason in the reader's language; a note of the bank follows the listed reason."""
    listed, _colon, note = stored.partition("：")
    if not listed:
        return ""
    return labelled(_(listed), note) if note else _(listed)
