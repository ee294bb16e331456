"""What comes in numbers is one line of the log, with a count."""

from __future__ import annotations

from daemon.notion.throttling import CALM
from tests.daemon.house import House

_REFUSED = {
    "object": "error",
    "status": 400,
    "code": "validation_error",
    "message": "Regenerate cannot be changed.",
}


async def test_fifty_refused_boxes_are_one_line_with_a_count(home: House) -> None:
    pages = [home.add(f"Post {n}", f"Bread {n}.", Regenerate=True) for n in range(50)]
    home.space.inject_fault("PATCH /v1/pages/", times=10_000, status=400, body=_REFUSED)
    await home.poll()
    await home.work()
    (said,) = [line for line in home.said if line.startswith("untick.refused")]
    assert "clear 50 Regenerate boxes" in said
    assert "Regenerate cannot be changed. (jobs " in said
    assert home.hub.painted == 0
    # The next tries add nothing, and one that is refused later is named.
    home.clock.move(minutes=2)
    await home.work()
    home.add("Late", "Late bread.", Regenerate=True)
    await home.poll()
    await home.work()
    _, late = [line for line in home.said if line.startswith("untick.refused")]
    assert "'Late': Notion does not let postbrush clear the Regenerate box" in late
    assert len(pages) == 50


async def test_a_rate_limit_is_a_line_at_its_beginning_and_one_at_its_end(
    home: House,
) -> None:
    for _ in range(20):
        home.space.inject_fault("/query", status=429, retry_after=30)
        await home.poll()
    assert len(_limited(home)) == 1
    home.clock.move(seconds=CALM.total_seconds())
    await home.poll()
    await home.poll()
    begin, end = _limited(home)
    assert begin == "notion.limited Notion's rate limit is reached. Waiting 30 s"
    assert end.startswith("notion.unlimited Notion's rate limit is no longer reached")
    assert "It was reached 20 times within" in end
    home.space.inject_fault("/query", status=429, retry_after=30)
    await home.poll()
    assert len(_limited(home)) == 3


def _limited(home: House) -> list[str]:
    return [line for line in home.said if line.startswith(("notion.lim", "notion.unl"))]
