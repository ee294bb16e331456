"""A data folder after years of work, made in seconds: believable rows, real schema."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from db import upgrade
from db.sqlite import Sqlite
from db.tables import attempts, events, images, jobs, metadata, posts, sync

SOURCE = "default"
DATA_SOURCE = "d" * 32
_YEARS = timedelta(days=4 * 365)
#: Open jobs, the same however many have ended: due ones, and ones that settle.
_DUE = 20
_LATER = 5
#: Of a hundred jobs these end otherwise than done; of a hundred images these are
#: cards, and a third of those may still be replaced.
_FAILED = frozenset({17, 58})
_CANCELLED = frozenset({39})
_CARDS = frozenset({8, 41, 77})
_MOVES = ("queued", "claimed", "generated", "uploaded")
_AFTER = ("queued", "generating", "uploading", "done")

Row = dict[str, Any]


def page_id(number: int) -> str:
    return f"{number:032x}"


def fill(folder: Path, *, count: int, made: int, now: datetime) -> None:
    """Make a database and its images.

    Args:
        count: Posts, each with one job.
        made: Images, of as many of those jobs.
    """
    (folder / "images").mkdir(parents=True)
    upgrade.upgrade_schema(Sqlite(folder / "postbrush.db"))
    history = _History(count, made, now)
    with closing(sqlite3.connect(folder / "postbrush.db")) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for number in range(count):
            history.add(number)
        for name, found in history.rows.items():
            _insert(connection, name, found)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for row in history.rows["images"]:
        (folder / "images" / row["name"]).touch()


def _insert(connection: sqlite3.Connection, name: str, found: Sequence[Row]) -> None:
    # What no row says is as the database has it by itself.
    said = found[0].keys()
    columns = [one.name for one in metadata.tables[name].columns if one.name in said]
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - our own tables
        ([_plain(row.get(column)) for column in columns] for row in found),
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return json.dumps(value) if isinstance(value, Mapping | list) else value


class _History:
    def __init__(self, count: int, made: int, now: datetime) -> None:
        self._every = count // made
        self._step = _YEARS / count
        self._count = count
        self._now = now
        self.rows: dict[str, list[Row]] = {
            table.name: [] for table in (sync, posts, jobs, attempts, images, events)
        }
        self.rows["sync"].append(
            {
                "source": SOURCE,
                "data_source": DATA_SOURCE,
                "title": "Posts",
                "columns": {},
                "sweep_scope": "",
                "watermark": now,
                "last_sweep_at": now,
            }
        )

    def add(self, number: int) -> None:
        """Add a post, its job, and perhaps its image."""
        left = self._count - number
        is_open = left <= _DUE + _LATER
        # The page of a wish that waited would be read before it is claimed.
        at = self._now - self._step * (0 if is_open else left)
        has_image = number % self._every == 0 and not is_open
        state = self._state(number, is_open=is_open)
        words = f"The bakery's post number {number}: bread, and what goes with it."
        inputs = {
            "prompt": f"{words} Clean, unmarked surfaces.",
            "origin": "post",
            "words": words,
            "title": f"Post {number}",
            "format": "square",
            "variants": 1,
            "feedback": "",
        }
        mark = hashlib.sha256(words.encode()).hexdigest()
        common = {
            "id": number + 1,
            "source": SOURCE,
            "page_id": page_id(number),
            "title": f"Post {number}",
            "created_at": at,
            "fingerprint": mark,
            "inputs": inputs,
        }
        name = f"flux_generated_{at:%Y%m%d_%H%M%S}_{number}.png"
        self._post(common, [name] if has_image else [], at)
        due = self._now + timedelta(hours=9) if left <= _LATER else at
        self._job(common, state, at, due)
        if has_image:
            self._image(common, name, at, number // self._every)

    def _state(self, number: int, *, is_open: bool) -> str:
        if is_open:
            return "queued"
        if number % 100 in _FAILED:
            return "failed"
        return "cancelled" if number % 100 in _CANCELLED else "done"

    def _post(self, common: Row, shows: list[str], at: datetime) -> None:
        self.rows["posts"].append(
            {
                **common,
                "url": f"https://www.notion.so/{common['page_id']}",
                "date": f"{at:%Y-%m-%d}",
                "seen_at": at,
                "changed_at": at,
                "shown_files": shows,
                "matches_only": True,
                "matches_skip": False,
                "removed": False,
                "image_fingerprint": common["fingerprint"],
            }
        )

    def _job(self, common: Row, state: str, at: datetime, due: datetime) -> None:
        self.rows["jobs"].append(
            {
                **common,
                "reason": "new",
                "state": state,
                "due_at": due,
                "moved_at": at,
                "rounds": 0,
                "tries": 0,
                "pending_write": "",
                "pending_note": "",
                "waiting_notified_at": None,
                "outcome": {"done": "on the page", "failed": "refused the prompt"}.get(
                    state, ""
                ),
            }
        )
        steps = 1 if state == "queued" else len(_MOVES)
        for name, after in list(zip(_MOVES, _AFTER, strict=True))[:steps]:
            self.rows["events"].append(
                {
                    "id": len(self.rows["events"]) + 1,
                    "source": SOURCE,
                    "job_id": common["id"],
                    "at": at,
                    "event": name,
                    "state": state if after == "done" else after,
                    "reason": "asks flux",
                }
            )

    def _image(self, common: Row, name: str, at: datetime, nth: int) -> None:
        card = nth % 100 in _CARDS
        key = len(self.rows["images"]) + 1
        shared = {
            "id": key,
            "source": SOURCE,
            "page_id": common["page_id"],
            "job_id": common["id"],
            "number": 1,
            "provider": "freeapi" if card else "flux",
            "model": None if card else "black-forest-labs/FLUX.1-schnell",
            "seed": key,
        }
        self.rows["attempts"].append(
            {
                **shared,
                "round": 0,
                "generation": 0,
                "price": 0.0 if card else 0.0035,
                "cost": 0.0 if card else 0.0035,
                "included_cost": 0.0,
                "started_at": at,
                "ended_at": at + timedelta(seconds=4),
                "outcome": "image",
                "http_status": None if card else 200,
                "file_name": name,
                "error": "",
            }
        )
        self.rows["images"].append(
            {
                **shared,
                "attempt_id": key,
                "is_card": card,
                "card_why": "credits are used up" if card else "",
                "replaceable": card and nth % 3 == 0,
                "name": name,
                "width": 1080,
                "height": 1080,
                "bytes": 1_400_000,
                "sha256": common["fingerprint"],
                "prompt": common["inputs"]["prompt"],
                "fingerprint": common["fingerprint"],
                "made_at": at,
                "upload_id": page_id(key),
                "shown_at": at,
            }
        )
