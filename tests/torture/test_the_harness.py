"""What the harness itself rests on."""

import ast
from pathlib import Path

from tests.torture import play

HERE = Path(__file__).parent


def test_the_model_shares_nothing_with_the_program() -> None:
    tree = ast.parse((HERE / "model.py").read_text())
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert imported == {"collections.abc", "dataclasses"}


def test_every_kind_of_transfer_is_in_the_model_with_the_same_sides() -> None:
    from funds.ledger import SIDES

    assert {str(kind.value): (str(a.value), str(b.value)) for kind, (a, b) in SIDES.items()} == play.plain.WAYS


def test_the_same_seed_is_the_same_game() -> None:
    assert play.random_steps(7, 50) == play.random_steps(7, 50) != play.random_steps(8, 50)
