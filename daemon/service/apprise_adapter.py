"""Apprise, which speaks to a hundred services that tell people things.

Its only importer, and only when there is an address: it takes 20 MB and a third of a
second.  All of it blocks and belongs into a thread (`daemon.service.detached_thread`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from daemon.service.alerts import Message

if TYPE_CHECKING:
    from apprise import Apprise

_NAME = "postbrush"


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """One notifier, ready to be used; `known` is False when it is no such address."""

    _apprise: Apprise
    known: bool

    def send(self, message: Message) -> bool:
        """Say whether the service took it; why not only Apprise knows."""
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - see above

        return self.known and bool(
            self._apprise.notify(
                title=f"{_NAME}: {message.title}",
                body=message.body,
                notify_type=NotifyType(message.level),
                body_format=NotifyFormat.TEXT,
            )
        )


def open_target(url: SecretStr) -> NotificationTarget:
    """Open one address; nothing is sent yet."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - see above

    asset = AppriseAsset(
        app_id=_NAME,
        app_desc=_NAME,
        app_url="",
        storage_mode=PersistentStoreMode.MEMORY,  # nothing of it on disk
    )
    made = Apprise(asset=asset)
    return NotificationTarget(made, known=bool(made.add(url.get_secret_value())))
