"""Memory that only a picture needed goes back to the system.

glibc keeps what was freed, apart for every thread, and the larger the pieces it sees,
the more it keeps: 40 MB that nobody uses, after a hundred images.  Other C libraries
have neither these knobs nor the habit.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

#: Of malloc.h.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_LARGE = 256 * 1024


def limit_arenas() -> None:
    """Keep what is freed for all threads together, and nothing that is large.

    Before there are threads.
    """
    if (library := _load_glibc()) is not None:
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)


def freeze_loaded() -> None:
    """Leave out of later collections what is loaded by now: modules, for the most part.

    Otherwise Python looks at all of it again whenever many objects were made, as by a
    sweep, and everything waits for 60 ms.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def trim_heap() -> None:
    """Return what is free; takes some milliseconds, so only when nothing is in work."""
    gc.collect()
    if (library := _load_glibc()) is not None:
        library.malloc_trim(0)


@cache
def _load_glibc() -> ctypes.CDLL | None:
    try:
        # A system that lets nobody make code may refuse it.
        import ctypes  # noqa: PLC0415 - as it says

        library = ctypes.CDLL(None)
    except (ImportError, MemoryError, OSError):
        return None
    return library if hasattr(library, "malloc_trim") else None
