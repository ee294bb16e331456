"""Adapter for Apprise, which sends notifications to many services.

This is the only importer of Apprise, which takes 20 MB and a third of a second.  It is
imported only when an address is configured.  All calls block, so they run in a thread
(`daemon.service.detached_thread`).
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
    """One notification address.

    Attributes:
        known: Whether Apprise accepts the address.
    """

    _apprise: Apprise
    known: bool

    def send(self, message: Message) -> bool:
        """Return whether the service accepted the message; Apprise gives no reason."""
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - takes 20 MB

        return self.known and bool(
            self._apprise.notify(
                title=f"{_NAME}: {message.title}",
                body=message.body,
                notify_type=NotifyType(message.level),
                body_format=NotifyFormat.TEXT,
            )
        )


def open_target(url: SecretStr) -> NotificationTarget:
    """Return the target of an address, without sending anything."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - takes 20 MB

    asset = AppriseAsset(
        app_id=_NAME,
        app_desc=_NAME,
        app_url="",
        storage_mode=PersistentStoreMode.MEMORY,  # writes nothing to disk
    )
    client = Apprise(asset=asset)
    return NotificationTarget(client, known=bool(client.add(url.get_secret_value())))
