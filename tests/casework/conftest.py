from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    """A page asked for in English leaves its thread speaking English; every test begins in Chinese."""
    with translation.override("zh-hans"):
        yield
