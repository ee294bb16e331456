"""The promises of the main job, kept against the pretend services over HTTP."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.daemon.house import House, house


async def test_three_new_posts_get_images_with_three_writes_and_one_paid_call_each(
    home: House,
) -> None:
    pages = [
        home.add(f"Post {n}", f"The bread number {n}.", Format="square")
        for n in range(3)
    ]
    await home.live()
    for page in pages:
        cells = home.read(page)
        assert cells["Image status"] == "Done"
        assert cells["Image provider"] == "Hugging Face FLUX"
        assert cells["Alt text"]
        (file,) = home.space.list_files(page)
        assert file.name.startswith("flux_generated_20261124_11")
        assert Image.open(io.BytesIO(file.data)).size == (1080, 1080)
    for call, page in zip(await home.calls(), pages, strict=True):
        assert home.read(page)["Image details"] == (
            f"FLUX.1-schnell (nscale), included, seed {call.seed}"
        )
    assert len(home.writes()) == 9
    assert len(home.hub.served) == 3
    assert {job.state for job in await home.jobs()} == {"done"}


async def test_a_tick_is_unticked_and_makes_another_image_with_four_writes(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    before = home.space.list_files(page)[0]
    home.forget()
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    assert home.read(page)["Regenerate"] is False
    (after,) = home.space.list_files(page)
    assert after.data != before.data
    assert after.name != before.name
    assert len(home.writes()) == 4
    assert len(home.hub.served) == 1


async def test_a_box_ticked_again_while_its_image_waits_is_the_same_wish(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    home.forget()
    home.hub.loading_seconds = 40
    home.hub.unload_model()
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    assert home.read(page)["Regenerate"] is False
    # Long enough after our own un-tick to be a person's.
    home.clock.move(seconds=10)
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    assert home.read(page)["Regenerate"] is False
    await home.live()
    assert len(await home.jobs()) == 2
    assert home.hub.painted == 2
    assert home.read(page)["Image status"] == "Done"


async def test_no_service_is_asked_before_notion_confirmed_the_untick(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    home.forget()
    home.space.tick_box(page)
    home.space.inject_fault(
        "PATCH /v1/pages/",
        times=50,
        status=400,
        body={
            "object": "error",
            "status": 400,
            "code": "validation_error",
            "message": "no",
        },
    )
    await home.poll()
    await home.work()
    assert home.hub.served == []
    assert home.read(page)["Regenerate"] is True


async def test_an_impatient_second_tick_is_the_same_wish(home: House) -> None:
    page = home.add()
    await home.live()
    home.forget()
    home.hub.unload_model()
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    home.clock.move(seconds=2)
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    home.clock.move(minutes=2)
    await home.poll()
    await home.work()
    assert [job.state for job in await home.jobs()] == ["done", "done"]
    assert home.hub.painted == 2
    events = [event.event for event in await home.history(2)]
    assert "repeated" in events
    assert home.read(page)["Regenerate"] is False


async def test_a_tick_with_changed_words_during_generation_is_a_second_wish(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        page = home.add()
        await home.live()

        async def change_meanwhile(_seconds: float) -> None:
            home.hub.sleep = home.clock.sleep
            home.space.edit_page(
                page, {"Post": "Something else entirely.", "Regenerate": True}
            )
            await home.poll()

        home.hub.sleep = change_meanwhile
        home.space.tick_box(page)
        await home.poll()
        await home.work()
        states = [(job.reason, job.state) for job in await home.jobs()]
        assert states == [
            ("new", "done"),
            ("regenerate", "done"),
            ("regenerate", "done"),
        ]
        assert "Something else" in home.hub.served[-1].prompt
        assert home.read(page)["Regenerate"] is False


@pytest.mark.sqlite_only  # a server writes what it likes
async def test_an_idle_minute_is_one_query_a_poll_and_writes_no_byte(
    home: House,
) -> None:
    home.add()
    await home.live()
    for _ in range(4):
        home.clock.move(seconds=60)
        await home.poll()
        await home.work()
    home.forget()
    database = home.settings.data_dir / "postbrush.db"
    sizes = [
        path.read_bytes()
        for path in (database, database.with_name(f"{database.name}-wal"))
    ]
    for _ in range(6):
        home.clock.move(seconds=10)
        await home.poll()
        await home.work()
    asked = [
        f"{request.method} {request.path.rsplit('/', 1)[-1]}"
        for request in home.space.requests
    ]
    assert asked == ["POST query"] * 6
    after = [
        path.read_bytes()
        for path in (database, database.with_name(f"{database.name}-wal"))
    ]
    assert after == sizes
    assert home.hub.painted == 1


async def test_a_post_without_words_gets_no_job(home: House) -> None:
    home.add(title="", post="")
    home.add(title="🎉", post="#party https://example.org")
    await home.live()
    assert await home.jobs() == []


async def test_trashing_a_page_cancels_its_job(home: House) -> None:
    page = home.add()
    await home.poll()
    home.space.trash_page(page)
    home.clock.move(days=1, minutes=1)
    await home.sweep()
    await home.work()
    assert [job.state for job in await home.jobs()] == ["cancelled"]
    assert home.hub.painted == 0


async def test_a_peoples_own_file_survives_behind_the_new_image(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.add_file(page, "Image", "mine.jpg", b"\xff\xd8\xff mine")
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    names = [file.name for file in home.space.list_files(page)]
    assert names[1] == "mine.jpg"
    assert names[0].startswith("flux_generated_")
    assert home.space.list_files(page)[1].data == b"\xff\xd8\xff mine"


async def test_a_post_with_an_image_when_first_seen_is_left_alone(home: House) -> None:
    page = home.add()
    home.space.add_file(page, "Image", "mine.jpg", b"\xff\xd8\xff mine")
    await home.live()
    assert await home.jobs() == []


async def test_a_duplicated_page_gets_its_own_image_once_it_says_something_else(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    shown = home.space.list_files(page)[0]
    copy = home.add("Copy", "Bread for everyone.")
    home.space.add_file(copy, "Image", shown.name, shown.data)
    home.space.edit_page(copy, {"Name": "A post"})
    await home.live()
    assert len(await home.jobs()) == 1
    home.space.edit_page(copy, {"Post": "Cake for the few."})
    await home.live()
    await home.live()
    assert [job.page_id for job in await home.jobs()] == [page, copy]


async def test_variants_are_separate_calls_and_all_are_shown(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.town.source.columns["Variants"] = type(home.town.source.columns["Name"])(
            "vars", "Variants", "number"
        )
        await home.begin()
        page = home.add(Variants=3)
        await home.live()
        names = [file.name for file in home.space.list_files(page)]
        assert len(names) == 3
        assert len(home.hub.served) == 3
        assert len({request.seed for request in home.hub.served}) == 3


async def test_a_column_renamed_at_run_time_is_found_by_its_id(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.rename_column(home.town.source.id, "Image", "Bild")
    home.space.rename_column(home.town.source.id, "Regenerate", "Nochmal")
    home.space.tick_box(page, "Nochmal")
    await home.poll()
    await home.work()
    assert len(home.space.list_files(page, "Bild")) == 1
    assert [job.state for job in await home.jobs()] == ["done", "done"]


async def test_a_status_column_of_the_wrong_type_does_not_cost_the_image(
    home: House,
) -> None:
    page = home.add()
    await home.poll()
    home.space.retype_column(home.town.source.id, "Image status", "number")
    home.clock.move(minutes=3)
    await home.live()
    assert len(home.space.list_files(page)) == 1
    assert [job.state for job in await home.jobs()] == ["done"]


async def test_a_sign_no_database_keeps_is_no_news_at_every_look(home: House) -> None:
    page = home.add("A\0 post", "Bread\0 for everyone.")
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    for _ in range(4):
        home.clock.move(seconds=60)
        await home.poll()
        await home.work()
    changes = home.source.app.signals.change_event.version
    for _ in range(3):
        home.clock.move(seconds=10)
        await home.poll()
    assert home.source.app.signals.change_event.version == changes
