"""Passwords that are tried at the door, by account and by address, without shutting a village out of its shared address.

Beside the lock of django-axes on the pair (account, address), which one person's slips run into:

- an account that is tried from everywhere is shut for addresses from which its owner never came;
- an address from which many different accounts are tried is shut for accounts that never came from it.

One person's slips count once for her address, and whoever signs in where she always does notices nothing. Counted in the
database, so that it holds for all processes and machines.
"""

import datetime

from django.utils import timezone

from access import rates
from access.models import SignIn

WITHIN = datetime.timedelta(hours=1)
MOST_OF_ONE_ACCOUNT = 30
MOST_ACCOUNTS_FROM_ONE_ADDRESS = 30
KNOWN_FOR = datetime.timedelta(days=30)


def is_shut(username: str, address: str) -> bool:
    """Whether nobody may try this account from this address now, whatever the password is."""
    account = _folded(username)
    is_tried = rates.was_too_often("login-account", account, most=MOST_OF_ONE_ACCOUNT, within=WITHIN)
    is_trying = rates.was_too_often("login-address", address, most=MOST_ACCOUNTS_FROM_ONE_ADDRESS, within=WITHIN)
    return (is_tried or is_trying) and not _is_known(username, address)


def missed(username: str, address: str) -> None:
    """Count a wrong password, or an account that does not exist."""
    account = _folded(username)
    rates.count("login-account", account, within=WITHIN)
    if rates.count("login-pair", f"{address} {account}", within=WITHIN) == 1:
        rates.count("login-address", address, within=WITHIN)


def _is_known(username: str, address: str) -> bool:
    since = timezone.now() - KNOWN_FOR
    return bool(address) and SignIn.objects.filter(staff__username=username, address=address, since__gt=since).exists()


def _folded(username: str) -> str:
    return username.strip().lower()[:40]
