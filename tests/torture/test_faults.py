"""Every fault that is planted is found, for what it is. One that is not is a hole in the harness, to be closed there.

Not on each push: it asks after the harness, which changes seldom, and takes as long as the harness does. `make torture`
runs it.
"""

from collections.abc import Callable

import pytest

from tests.torture.faults import FAULTS, Fault, crossing, crowd, games, killing

pytestmark = [pytest.mark.slow, pytest.mark.torture, pytest.mark.xdist_group("torture")]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.what.replace(" ", "_") for fault in FAULTS])
def test_the_harness_finds_that(fault: Fault, town: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch)

    assert fault.says in fault.finder(fault.says), f"nobody noticed that {fault.what}"


@pytest.mark.parametrize("finder", [games, crowd, crossing, killing], ids=lambda finder: finder.__name__)
def test_nothing_is_found_where_nothing_is_wrong(finder: Callable[..., str], town: None) -> None:
    assert finder() == ""
