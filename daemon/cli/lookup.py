"""Which page or job a person means."""

from __future__ import annotations

from daemon.config.notion_links import page_id
from daemon.errors import SetupError
from db import jobs, posts
from db.engine import Tx
from db.models import Job, Post

_SHOWN = 5


async def find_page(tx: Tx, words: str, source: str | None = None) -> Post:
    """Return the one remembered page that *words* mean: an id, a link, or its title.

    Args:
        source: Looked for in this one only.

    Raises:
        SetupError: None, or several.
    """
    found_id = page_id(words)
    if found_id is not None:
        post = await posts.find_by_page_id(tx, found_id)
        if post is None:
            raise SetupError(
                f"page {found_id} was never seen: is it in the source, and has the "
                "daemon polled since it was made?"
            )
        return post
    found = await posts.find_by_title(tx, words, source=source)
    exact = [post for post in found if post.title.casefold() == words.casefold()]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    if not found:
        raise SetupError(f"no post with {words!r} in its title was seen yet")
    titles = ", ".join(f"'{post.title}'" for post in found[:_SHOWN])
    raise SetupError(f"{words!r} fits {len(found)} posts ({titles}): say more of it")


async def find_job(tx: Tx, number: int) -> Job:
    """Return a job by its number.  Raises SetupError."""
    found = await jobs.get(tx, number)
    if found is None:
        raise SetupError(f"there is no job {number} (postbrush jobs lists them)")
    return found
