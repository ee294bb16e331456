"""The other daemons of a database that several share, as people are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from db import instances
from db.engine import Database, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another daemon, by what it last said of itself.

    Attributes:
        name: Of its machine.
        roles: Such as "notion, generate".
        since: When it was started, and `heard_at` when it last said so; by its clock.
        asks: It is this one that asks Notion; with several tokens more than one does.
        store: Where its images are shared; "": in its folder.
    """

    name: str
    roles: str
    since: datetime
    heard_at: datetime
    asks: bool
    store: str

    def is_expired(self, now: datetime, lease: timedelta) -> bool:
        """Say whether it would be taken for dead."""
        return now - self.heard_at >= lease


def read_instance_id(folder: Path) -> str:
    """Return the name a data folder's daemon claims jobs in; "": it has none yet."""
    try:
        known = (folder / "postbrush.id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return known if known.isalnum() else ""


async def list_peers(tx: Tx, db: Database, own: str) -> list[Peer]:
    """Return the daemons beside the one called *own*, the oldest first.

    Of a file's there are none: it is one daemon's alone.
    """
    if db.folder is not None:
        return []
    asking = await instances.leader_ids(tx)
    return [
        Peer(
            name=one.name,
            roles=one.roles,
            since=one.started_at,
            heard_at=one.renewed_at,
            asks=one.id in asking,
            store=one.store,
        )
        for one in await instances.list_others(tx, own)
    ]


def describe_stores(own: str, there: Sequence[Peer]) -> tuple[str, str]:
    """Return whether the images of all daemons are in one place, and what to do.

    Args:
        own: The store of this one; "": none.
    """
    stores = {one.store for one in there}
    # They use one store, as they should.
    if own and stores == {own}:
        return f"all of them on {own}", ""
    # Nobody can know whether all folders are one: they may be mounted.
    if not own and stores == {""}:
        return (
            "no images.store: fine only where all of them mount one folder as images/",
            "",
        )
    # Somebody's images are where the others never look.
    elsewhere = [
        f"those of {one.name} {f'on {one.store}' if one.store else 'in its folder'}"
        for one in there
        if one.store != own
    ]
    here = f"on {own}" if own else "in the folder"
    return (
        f"those of this one {here}, {', '.join(elsewhere)}",
        "set the same images.store for all of them",
    )
