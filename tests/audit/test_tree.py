"""The tree is that of RFC 6962: its published examples, and a recursive one written straight from its text."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import tree

# The examples of RFC 6962's own reference implementation (certificate-transparency, merkle_tree_test).
EIGHT = [
    bytes.fromhex(data)
    for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)  # fmt: skip
PATHS = {  # (leaf counted from one, size): path
    (1, 8): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"],
    (6, 8): ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    (3, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (2, 5): ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
}  # fmt: skip
GROWN = {
    (1, 8): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"],
    (6, 8): ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    (2, 5): ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
}  # fmt: skip


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of §2.1, word for word, over the leaves' data."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*naive_proof(m, leaves[:k], known), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def data(count: int) -> list[bytes]:
    return [f"leaf {n}".encode() for n in range(count)]


def hashes(leaves: Sequence[bytes]) -> list[bytes]:
    return [tree.leaf_hash(leaf) for leaf in leaves]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert tree.root_of([]) == tree.EMPTY == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots(size: int) -> None:
    assert tree.root_of(hashes(EIGHT[:size])).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("leaf", "size"), PATHS)
def test_the_published_inclusion_proofs(leaf: int, size: int) -> None:
    node = tree.nodes_of(hashes(EIGHT[:size]))

    assert [part.hex() for part in tree.inclusion_proof(leaf - 1, size, node)] == PATHS[leaf, size]


@pytest.mark.parametrize(("old", "new"), GROWN)
def test_the_published_consistency_proofs(old: int, new: int) -> None:
    node = tree.nodes_of(hashes(EIGHT[:new]))

    assert [part.hex() for part in tree.consistency_proof(old, new, node)] == GROWN[old, new]


@pytest.mark.parametrize("size", range(1, 70))
def test_every_small_tree_is_the_recursive_one_with_all_its_proofs(size: int) -> None:
    leaves = data(size)
    node, root = tree.nodes_of(hashes(leaves)), naive_root(leaves)
    assert tree.root_of(hashes(leaves)) == tree.range_root(0, size, node) == root
    for index in range(size):
        proof = tree.inclusion_proof(index, size, node)
        assert proof == naive_path(index, leaves)
        assert tree.is_included(tree.leaf_hash(leaves[index]), index, size, proof, root)
    for old in range(1, size + 1):
        proof = tree.consistency_proof(old, size, node)
        assert proof == naive_proof(old, leaves)
        assert tree.is_consistent(old, size, naive_root(leaves[:old]), root, proof)


sizes = st.integers(1, 3000)


@settings(deadline=None, max_examples=150)
@given(sizes, st.data())
def test_a_proof_shows_its_own_leaf_at_its_own_place_and_nothing_else(size: int, draw: st.DataObject) -> None:
    leaves = hashes(data(size))
    node, root = tree.nodes_of(leaves), tree.root_of(leaves)
    index, other = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(0, size + 3))
    proof = tree.inclusion_proof(index, size, node)

    assert tree.is_included(leaves[index], index, size, proof, root)
    assert not tree.is_included(tree.leaf_hash(b"another"), index, size, proof, root)
    assert other == index or not tree.is_included(leaves[index], other, size, proof, root)
    assert not tree.is_included(leaves[index], index, size, [*proof, root], root)
    assert not tree.is_included(leaves[index], index, size, proof, tree.EMPTY)
    assert not proof or not tree.is_included(leaves[index], index, size, proof[:-1], root)


@settings(deadline=None, max_examples=150)
@given(sizes, sizes, st.data())
def test_a_tree_grows_out_of_a_smaller_one_and_out_of_no_other(one: int, two: int, draw: st.DataObject) -> None:
    old, new = sorted((one, two))
    leaves = hashes(data(new))
    node = tree.nodes_of(leaves)
    proof = tree.consistency_proof(old, new, node)
    first, second = tree.root_of(leaves[:old]), tree.root_of(leaves)
    changed = leaves.copy()
    changed[draw.draw(st.integers(0, old - 1))] = tree.leaf_hash(b"another")

    assert tree.is_consistent(old, new, first, second, proof)
    assert not tree.is_consistent(old, new, tree.root_of(changed[:old]), second, proof)
    assert not tree.is_consistent(old, new, first, tree.root_of(changed), tree.consistency_proof(old, new, tree.nodes_of(changed)))  # fmt: skip
    assert not tree.is_consistent(old, new, first, second, [*proof, first])
    assert not proof or not tree.is_consistent(old, new, first, second, proof[:-1])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_frontier_that_grew_in_steps_is_the_whole_tree(steps: list[int]) -> None:
    leaves = hashes(data(sum(steps)))
    frontier, done = tree.Frontier(), 0
    for step in steps:
        frontier = tree.Frontier(frontier.size, frontier.peaks)  # as if read back
        frontier.extend(leaves[done : done + step])
        done += step
        assert frontier.size == done and frontier.root() == tree.root_of(leaves[:done])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 20), st.integers(0, 300))
def test_whole_subtrees_may_be_appended_at_once(blocks: int, rest: int) -> None:
    leaves = hashes(data(blocks * 64 + rest))
    frontier = tree.Frontier()
    for block in range(blocks):
        frontier.add_subtree(6, tree.root_of(leaves[block * 64 : block * 64 + 64]))
    frontier.extend(leaves[blocks * 64 :])

    assert frontier.root() == tree.root_of(leaves)


def test_what_cannot_be_is_refused() -> None:
    node = tree.nodes_of(hashes(data(5)))
    for impossible in (
        lambda: tree.inclusion_proof(5, 5, node),
        lambda: tree.consistency_proof(6, 5, node),
        lambda: tree.Frontier(3, [b"x"]),
        lambda: tree.Frontier(1, [b"x"]).add_subtree(1, b"y"),
    ):
        with pytest.raises(ValueError):
            impossible()
    assert not tree.is_included(tree.EMPTY, 0, 0, [], tree.EMPTY)
    assert not tree.is_consistent(3, 2, tree.EMPTY, tree.EMPTY, [])
    assert not tree.is_consistent(0, 2, b"x", tree.EMPTY, [])
    assert not tree.is_consistent(3, 5, b"x", b"y", [])
