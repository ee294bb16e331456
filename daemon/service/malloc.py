"""Returns memory that an image needed to the system.

glibc keeps freed memory for each thread, and raises its threshold with the size of the
blocks.  That is 40 MB of unused memory after a hundred images.  Other C libraries
neither keep it nor have these options.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

#: Options of mallopt(), from malloc.h.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_LARGE = 256 * 1024


def limit_arenas() -> None:
    """Use one arena for all threads, and return blocks from 256 KiB on when freed.

    Call it before any thread starts.
    """
    if (glibc := _load_glibc()) is not None:
        glibc.mallopt(_ARENA_MAX, 1)
        glibc.mallopt(_MMAP_THRESHOLD, _LARGE)


def freeze_loaded() -> None:
    """Exclude the objects that exist now, mostly modules, from garbage collections.

    Otherwise a full collection, such as during a sweep, stops the loop for 60 ms.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def trim_heap() -> None:
    """Return free memory to the system; call it when idle, it takes milliseconds."""
    gc.collect()
    if (glibc := _load_glibc()) is not None:
        glibc.malloc_trim(0)


@cache
def _load_glibc() -> ctypes.CDLL | None:
    try:
        # Importing ctypes fails on systems that forbid executable memory.
        import ctypes  # noqa: PLC0415 - may fail

        glibc = ctypes.CDLL(None)
    except (ImportError, MemoryError, OSError):
        return None
    return glibc if hasattr(glibc, "malloc_trim") else None
