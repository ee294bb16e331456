"""Stores image files by name: in `images/`, and on a shared S3 store if one is set.

Without `images.store` there is only the folder.  With it, the folder is a cache.  A new
image is saved in the folder, put on the store and then recorded, so that the store has
every image a row names.  Images of other daemons are fetched on first use.
The texts of its errors never quote the server.
"""

from __future__ import annotations

from daemon.errors import PostbrushError


class StoreUnavailableError(PostbrushError):
    """The store does not answer, or it refuses the request."""


class NameCollisionError(PostbrushError):
    """The store has another image of that name, which must not be overwritten."""


class DamagedImageError(FileNotFoundError):
    """The object on the store is not the recorded image, so the image is lost."""
