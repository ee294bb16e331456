"""Returns memory that an image needed to the system.

glibc keeps freed memory for each thread, and raises its threshold with the size of the
blocks.  That is 40 MB of unused memory after a hundred images.  Other C libraries
neither keep it nor have these options.
"""

from __future__ import annotations

import gc

try:
    import ctypes

    _LIBC: ctypes.CDLL | None = ctypes.CDLL(None)
# Executable memory is forbidden, or this Python has no dynamic loader.
except (ImportError, MemoryError, OSError):
    _LIBC = None
_GLIBC = _LIBC if hasattr(_LIBC, "malloc_trim") else None

#: Options of mallopt(), from malloc.h.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_LARGE = 256 * 1024


def limit_arenas() -> None:
    """Use one arena for all threads, and return blocks from 256 KiB on when freed.

    Call it before any thread starts.
    """
    if _GLIBC is not None:
        _GLIBC.mallopt(_ARENA_MAX, 1)
        _GLIBC.mallopt(_MMAP_THRESHOLD, _LARGE)


def trim_heap() -> None:
    """Return free memory to the system; call it when idle, it takes milliseconds."""
    gc.collect()
    if _GLIBC is not None:
        _GLIBC.malloc_trim(0)


def freeze_loaded() -> None:
    """Exclude the objects that exist now, mostly modules, from garbage collections.

    Otherwise a full collection, such as during a sweep, stops the loop for 60 ms.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
