"""Errors of the shared store; their texts never quote its server."""

from __future__ import annotations

from daemon.errors import PostbrushError


class StoreUnavailableError(PostbrushError):
    """The store does not answer, or it refuses the request."""


class NameCollisionError(PostbrushError):
    """The store has another image of that name, which must not be overwritten."""


class DamagedImageError(FileNotFoundError):
    """The object on the store is not the recorded image, so the image is lost."""
