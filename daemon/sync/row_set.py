"""A set of row ids: one bit for each, so that 100,000 take 13 KB."""

from __future__ import annotations

from collections.abc import Iterable


class RowSet:
    """Row ids are small, dense integers."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def update(self, rows: Iterable[int]) -> None:
        """Add some row ids."""
        for row in rows:
            place, bit = divmod(row, 8)
            if place >= len(self._bits):
                self._bits.extend(bytes(place + 1 - len(self._bits)))
            self._bits[place] |= 1 << bit

    def __contains__(self, row: int) -> bool:
        place, bit = divmod(row, 8)
        return place < len(self._bits) and bool(self._bits[place] & 1 << bit)
