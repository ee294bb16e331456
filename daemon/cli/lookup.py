"""Finds the page or job that a command names."""

from __future__ import annotations

from daemon.config.parsing import page_id
from daemon.errors import SetupError
from db import jobs, posts
from db.engine import Tx
from db.models import Job, Post

_SHOWN = 5


async def find_page(tx: Tx, query: str, source: str | None = None) -> Post:
    """Return the one stored post that *query* names: an ID, a link, or title words.

    Args:
        source: Name of the source to which a search by title is limited.

    Raises:
        SetupError: No post matches, or several do.
    """
    known_id = page_id(query)
    if known_id is not None:
        post = await posts.find_by_page_id(tx, known_id)
        if post is None:
            raise SetupError(
                f"page {known_id} was never seen: is it in the source, and has the "
                "daemon polled since it was made?"
            )
        return post
    matches = await posts.find_by_title(tx, query, source=source)
    exact = [post for post in matches if post.title.casefold() == query.casefold()]
    if len(exact) == 1 or len(matches) == 1:
        return (exact or matches)[0]
    if not matches:
        raise SetupError(f"no post with {query!r} in its title was seen yet")
    titles = ", ".join(f"'{post.title}'" for post in matches[:_SHOWN])
    raise SetupError(f"{query!r} fits {len(matches)} posts ({titles}): say more of it")


async def find_job(tx: Tx, number: int) -> Job:
    """Return a job by its number; raise SetupError if there is none."""
    job = await jobs.get(tx, number)
    if job is None:
        raise SetupError(f"there is no job {number} (postbrush jobs lists them)")
    return job
