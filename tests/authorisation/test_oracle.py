"""The oracle itself: complete, without a word that means nothing, and a page about an address that is not in it stops the build."""

import copy

import pytest
import yaml

from tests.authorisation.oracle import FILE, BadOracle, addresses, oracle, read

TEXT = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def undeclared() -> list[str]:
    return sorted(set(addresses()) - set(oracle().rules))


def what_to_add(url: str) -> str:
    parts = ", ".join(addresses()[url].pattern.converters) or "none"
    return (
        f"{url} (parts: {parts}) is not declared. Add to tests/authorisation.yaml, under urls:\n"
        f"  {url}: {{is: page, on: RECORD, yes: [ROLES]}}\n"
        "and, where it names a record of a new kind, under records: where it lies, and in tests/authorisation/records.py one "
        "line self.keep(RECORD, part=…) that prepares it."
    )


def test_every_address_is_declared() -> None:
    assert not undeclared(), "\n".join(map(what_to_add, undeclared()))


def test_nothing_is_declared_that_is_no_address() -> None:
    gone = sorted(set(oracle().rules) - set(addresses()))
    assert not gone, f"{', '.join(gone)}: no such address any more; take it out of tests/authorisation.yaml"


def test_what_is_missing_is_told_with_the_lines_to_add() -> None:
    assert "funds:check: {is: page, on: RECORD, yes: [ROLES]}" in what_to_add("funds:check")
    assert "batch_id" in what_to_add("funds:check")


@pytest.mark.parametrize(
    ("url", "said", "match"),
    [
        ("funds:check", {"is": "act", "yes": ["fund_chekker"]}, "fund_chekker"),
        ("funds:check", {"is": "act", "on": "batsch"}, "batsch"),
        ("funds:check", {"is": "button"}, "button"),
        ("funds:check", {"is": "act", "may": ["fund_checker"]}, "may"),
        ("funds:check", {"is": "act", "recused": "maybe"}, "maybe"),
    ],
)
def test_a_word_that_means_nothing_is_refused(url: str, said: dict[str, object], match: str) -> None:
    text = copy.deepcopy(TEXT)
    text["urls"][url] = said
    with pytest.raises(BadOracle, match=match):
        read(text)


def test_a_role_that_there_is_not_is_refused_in_a_group() -> None:
    text = copy.deepcopy(TEXT)
    text["groups"]["village"] = ["mayor"]
    with pytest.raises(BadOracle, match="mayor"):
        read(text)
