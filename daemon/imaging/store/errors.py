"""What can be wrong with a shared store, said without anything its server said."""

from __future__ import annotations

from daemon.errors import PostbrushError


class StoreUnavailableError(PostbrushError):
    """The store cannot be asked: it does not answer, or it refuses us."""


class NameCollisionError(PostbrushError):
    """The store has another image of that name, and nothing is ever replaced."""


class DamagedImageError(FileNotFoundError):
    """What the store has under a name is not the image: as good as gone."""
