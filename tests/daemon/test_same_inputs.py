"""The same prompt is paid for once: what a fingerprint covers, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.jobs.inputs import compute_former_fingerprint
from daemon.notion.model import Urgency
from db import images, jobs, posts
from tests.daemon.house import House, house

_EDITS = '[posts]\non_edit = "regenerate"\n'


async def test_words_that_are_taken_back_show_their_image_again(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_EDITS) as home:
        await home.begin()
        page = home.add(post="Bread.")
        await home.live()
        (first,) = home.space.list_files(page)
        home.space.edit_page(page, {"Post": "Cake."})
        await home.live()
        assert home.hub.painted == 2
        home.space.edit_page(page, {"Post": "Bread."})
        await home.live()
        (shown,) = home.space.list_files(page)
        assert shown.name == first.name
        assert home.hub.painted == 2


@pytest.mark.parametrize("template", ["{prompt}", "{title}: {prompt}"])
async def test_a_corrected_title_is_paid_for_if_the_prompt_holds_it(
    tmp_path: Path, template: str
) -> None:
    toml = f'{_EDITS}[prompt]\ntemplate = "{template}"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add("Bred", "Bread for everyone.")
        await home.live()
        home.space.edit_page(page, {"Name": "Bread"})
        await home.live()
        assert home.hub.painted == (1 if template == "{prompt}" else 2)


async def test_a_duplicate_whose_title_alone_differs_pays_nothing(
    home: House,
) -> None:
    page = home.add("Bread")
    await home.live()
    copy = home.add("Bread (1)")
    source = home.space.sources[home.town.source.id]
    image = source.columns["Image"].id
    home.space.get_page(copy).values[image] = list(
        home.space.get_page(page).values[image]
    )
    await home.live()
    assert home.hub.painted == 1
    assert len(await home.jobs()) == 1


async def test_fingerprints_of_an_earlier_version_make_no_post_look_edited(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_EDITS) as home:
        await home.begin()
        page = home.add("Bread")
        await home.live()
        await _make_old(home, page)
        home.clock.move(days=1, minutes=1)
        await home.sweep()
        await home.live()
        assert len(await home.jobs()) == 1
        # It is known by what it is made of from now on.
        home.space.edit_page(page, {"Name": "Better bread"})
        await home.live()
        assert len(await home.jobs()) == 1
        async with home.source.app.db.read_transaction() as tx:
            post = await posts.get(tx, home.source.name, page)
            (image,) = await images.of_page(tx, home.source.name, page)
        assert post is not None
        assert post.image_fingerprint == post.fingerprint == image.fingerprint
        home.space.edit_page(page, {"Post": "Cake."})
        await home.live()
        assert home.hub.painted == 2


async def _make_old(home: House, page: str) -> None:
    """Leave what an earlier version would have left."""
    source = home.source
    seen = await source.notion.fetch_page(source.known_schema, page, Urgency.POLL)
    former = compute_former_fingerprint(seen, source.options)
    async with source.app.db.write_transaction() as tx:
        post = await posts.get(tx, source.name, page)
        assert post is not None
        old = {"fingerprint": former, "image_fingerprint": former}
        await posts.update_fields(tx, source.name, page, **old)
        await jobs.replace_fingerprint(tx, source.name, page, post.fingerprint, former)


async def test_a_job_that_waits_at_an_upgrade_is_carried_out_once(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_EDITS) as home:
        await home.begin()
        page = home.add("Bread")
        await home.poll()
        await _make_old(home, page)
        await home.live()
        await home.live()
        assert home.hub.painted == 1
        assert [job.state for job in await home.jobs()] == ["done"]


async def test_a_card_shows_the_words_a_post_has_when_it_is_rendered(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, hugging=False) as home:
        await home.begin()
        page = home.add(post="Bread. #old", **{"Image prompt": "A loaf."})
        await home.poll()
        home.space.edit_page(page, {"Post": "Bread. #new"})
        await home.live()
        (job,) = await home.jobs()
        assert job.inputs["words"] == "Bread. #new"
        assert "new" in home.read(page)["Alt text"]
