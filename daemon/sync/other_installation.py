"""Notices that another postbrush puts images into the same Notion database.

Both would make an image for every post.  No heartbeat is needed: the other one leaves
files whose names are like ours and that our database does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from daemon.context import SourceContext
from daemon.notion.model import Page
from db import images

#: A file name of `imaging.files.file_name`, with the local time of the image.
_OUR_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}_generated_(\d{8}_\d{6})_\d{1,3}\.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownImage:
    """An image that is named like ours and that we did not make."""

    name: str
    title: str

    def __str__(self) -> str:
        return f"'{self.title}' shows {self.name}, which this postbrush did not make"


def find_recent_images(
    pages: Iterable[Page], since: datetime, zone: tzinfo
) -> list[UnknownImage]:
    """Return the images named like ours that were made after *since*.  Pure.

    Args:
        zone: Time zone of the times in file names.
    """
    found = []
    for page in pages:
        for file in page.image:
            made_at = _time_in(file.name, zone)
            if made_at is not None and made_at >= since:
                found.append(UnknownImage(name=file.name, title=page.title))
    return found


def _time_in(name: str, zone: tzinfo) -> datetime | None:
    if (match := _OUR_NAME.fullmatch(name)) is None:
        return None
    try:
        made_at = datetime.strptime(match[1], "%Y%m%d_%H%M%S")  # noqa: DTZ007 - local
        return made_at.replace(tzinfo=zone)
    except ValueError:
        return None


async def find_unknown_image(
    source: SourceContext, pages: Iterable[Page], since: datetime
) -> UnknownImage | None:
    """Return an image of another postbrush, made after *since*; None: there is none."""
    recent = find_recent_images(pages, since, source.app.clock.zone)
    if not recent:
        return None
    async with source.app.db.read_transaction() as tx:
        known = await images.by_names(tx, [image.name for image in recent])
    return next((image for image in recent if image.name not in known), None)


@dataclass(slots=True)
class InstallationWatch:
    """Warns once per process of another installation.

    Attributes:
        since: Time of the first poll; older images may be of a replaced data folder.
    """

    since: datetime | None = None
    _is_told: bool = False

    async def check_pages(self, source: SourceContext, pages: Iterable[Page]) -> None:
        """Warn if a page shows an image of another installation."""
        if self._is_told:
            return
        self.since = self.since or source.app.now()
        unknown = await find_unknown_image(source, pages, self.since)
        if unknown is not None:
            self._is_told = True
            source.log.warning("installation.second", summary=describe_second(unknown))


def describe_second(unknown: UnknownImage) -> str:
    """Return what it means that a page shows an *unknown* image, and what to do."""
    return (
        f"Another postbrush works on this Notion database: {unknown}. Both "
        "generate an image for every post. Stop one of them"
    )
