"""Everything here commits in earnest, so it has a database of its own: made once, copied for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.torture import scratch


@pytest.fixture(scope="session")
def torture_town(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), scratch.town():
        yield


@pytest.fixture
def town(torture_town: None, django_db_blocker: Any) -> Iterator[None]:
    """A copy of the small township, thrown away afterwards."""
    with django_db_blocker.unblock(), scratch.copy():
        yield
