"""Settings that were renamed: an old name is refused together with the new one."""

from __future__ import annotations

from collections.abc import Collection

#: The old key of a section and the key that replaces it.
RENAMED_KEYS = {
    "settle": "wait_after_edit",
    "hold": "approve_above",
    "reserve": "min_free_disk",
}


def current_key(key: str) -> str:
    """Return the present name of a key; a key that was not renamed as it is."""
    return RENAMED_KEYS.get(key, key)


def current_variable(name: str, shape: str, known: Collection[str]) -> str | None:
    """Return the present name of a renamed variable.

    Args:
        name: The variable, in capitals: POSTBRUSH_SOURCES__SHOP__POSTS__HOLD.
        shape: Its key without the prefix, NAME for an owner's own name:
            SOURCES__NAME__POSTS__HOLD.
        known: The shapes of all variables there are.

    Returns:
        None: No setting had this name.
    """
    section, _, key = shape.rpartition("__")
    new = current_key(key.lower()).upper()
    if new == key or f"{section}__{new}" not in known:
        return None
    return f"{name.removesuffix(key)}{new}"
