"""The tree made anew from its leaves, in this process, and compared with the tiles that are stored. One pass over the leaves."""

from collections.abc import Iterator

from django.db import connection

from audit import leaves, tree


class Regrown:
    """`root_at` sizes that grow; `wrong_tiles` afterwards. Holds one block of leaves and the root of each tile."""

    def __init__(self) -> None:
        self._frontier = tree.Frontier()
        self._blocks = leaves.blocks(0, 2**62)
        self._block, self._used, self._root = b"", 0, b""
        self._stored = _tiles(0)
        self._roots: list[bytes] = []
        self._wrong: list[tuple[int, int]] = []

    def root_at(self, size: int) -> bytes | None:
        """The root over the first `size` leaves, None when there are not so many."""
        while self._frontier.size < size:
            if self._used == len(self._block) and not self._next_block():
                return None
            self._take(size - self._frontier.size)
        return self._frontier.root() if self._frontier.size == size else None

    def has_more_than(self, size: int) -> bool:
        return self.root_at(size + 1) is not None

    def wrong_tiles(self) -> list[tuple[int, int]]:
        """(level, index) of stored tiles that are not what the leaves give, that are missing, or of leaves that are."""
        while self._next_block():
            pass
        self._wrong += ((0, index) for index in self._left_over())
        level, roots = 1, self._roots
        while len(roots) >= leaves.TILE:
            below = [b"".join(roots[i : i + leaves.TILE]) for i in range(0, len(roots), leaves.TILE)]
            self._stored, roots = _tiles(level), []
            for joined in below:
                if len(joined) == 32 * leaves.TILE:
                    roots.append(self._compare(level, len(roots), joined))
            self._wrong += ((level, index) for index in self._left_over())
            level += 1
        return self._wrong

    def _next_block(self) -> bool:
        self._block, self._used = next(self._blocks, b""), 0
        if len(self._block) == 32 * leaves.TILE:
            self._root = self._compare(0, len(self._roots), self._block)
            self._roots.append(self._root)
        return bool(self._block)

    def _compare(self, level: int, index: int, joined: bytes) -> bytes:
        root = leaves.root_of_tile(joined)
        if next(self._stored, None) != (index, joined, root):
            self._wrong.append((level, index))
            self._stored = _tiles(level, after=index)
        return root

    def _left_over(self) -> Iterator[int]:
        return (index for index, _hashes, _root in self._stored)

    def _take(self, wanted: int) -> None:
        is_whole = not self._used and len(self._block) == 32 * leaves.TILE and wanted >= leaves.TILE
        if is_whole and self._frontier.size % leaves.TILE == 0:
            self._frontier.add_subtree(leaves.TILE_LEVELS, self._root)
            self._used = len(self._block)
            return
        end = min(self._used + 32 * wanted, len(self._block))
        self._frontier.extend(self._block[i : i + 32] for i in range(self._used, end, 32))
        self._used = end


def _tiles(level: int, after: int = -1) -> Iterator[tuple[int, bytes, bytes]]:
    """(index, hashes, root) of the stored tiles of a level, in order."""
    with connection.chunked_cursor() as cursor:
        cursor.itersize = 100
        cursor.execute(
            "SELECT index, hashes, root FROM audit_tile WHERE level = %s AND index > %s ORDER BY index", [level, after]
        )
        for index, hashes, root in cursor:
            yield index, bytes(hashes), bytes(root)
