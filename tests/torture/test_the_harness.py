"""What the harness itself rests on."""

import ast
from pathlib import Path

from tests.torture.model import words
from tests.torture.moves import random_steps

HERE = Path(__file__).parent


def test_the_model_shares_nothing_with_the_program() -> None:
    files = sorted((HERE / "model").glob("*.py"))
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    itself = {"tests.torture.model", *(f"tests.torture.model.{file.stem}" for file in files)}

    assert imported - itself == {"collections.abc", "dataclasses"}


def test_every_kind_of_transfer_is_in_the_model_with_the_same_sides() -> None:
    from funds.ledger import SIDES

    assert {str(kind.value): (str(a.value), str(b.value)) for kind, (a, b) in SIDES.items()} == words.WAYS


def test_the_same_seed_is_the_same_game() -> None:
    assert random_steps(7, 50) == random_steps(7, 50) != random_steps(8, 50)
