"""Every way a service can fail a job, and what the job does then."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from daemon.pretend.scenes import render_scene
from tests.daemon.house import House, house


def _bomb() -> bytes:
    """A PNG of 30000 x 30000 black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


_OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    # A kept-alive connection that drops at once is repeated on a fresh one.
    "dropped connection": ({"drop": True, "times": 2}, "connection_lost"),
    "token refused": (
        {"status": 401, "body": {"error": "Invalid username or password."}},
        "unauthorized",
    ),
    "gone": (
        {"status": 410, "body": {"error": "The requested model is deprecated"}},
        "not_found",
    ),
    "broken": ({"status": 500, "body": {"error": "Internal error"}}, "unavailable"),
    "web page": ({"status": 200, "html": True}, "invalid_image"),
    "truncated": (
        {"status": 200, "body": render_scene("a", 1, 256, 256)[:4000]},
        "invalid_image",
    ),
    "bomb": ({"status": 200, "body": _bomb()}, "invalid_image"),
    "validation": ({"status": 422, "body": {"error": "size is wrong"}}, "bad_request"),
}


@pytest.mark.parametrize("name", _OTHERS)
async def test_every_other_trouble_leads_to_the_next_provider(
    tmp_path: Path, name: str
) -> None:
    fault, outcome = _OTHERS[name]
    toml = '[providers.flux]\nroute = "hf-inference"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        home.hub.inject_fault("POST", **{"times": 1, **fault})
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Card"
        calls = list(await home.calls(1))
        assert [call.outcome for call in calls] == [outcome, "image"]


async def test_a_timeout_leads_to_the_next_provider_and_counts_as_paid(
    tmp_path: Path,
) -> None:
    toml = '[providers.flux]\ntimeout = "300ms"\n[budget]\nmonth = 5.0\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        hangs = home.source.app.signals.stopping

        async def hang(_seconds: float) -> None:
            await hangs.wait()

        home.hub.sleep = hang
        home.add()
        await home.live()
        first = (await home.calls())[0]
        assert first.outcome == "timeout"
        assert first.cost + first.included_cost > 0
        hangs.set()


async def test_the_fal_route_commits_the_address_before_it_is_fetched(
    tmp_path: Path,
) -> None:
    toml = '[providers.flux]\nroute = "fal-ai"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add()
        await home.live()
        assert home.read(page)["Image status"] == "Done"
        (call,) = await home.calls()
        assert call.remote_id is not None
        assert home.hub.fetched == [call.remote_id.rsplit("/", 1)[-1]]


async def test_one_dead_route_leads_to_the_next_within_the_same_call(
    home: House,
) -> None:
    home.hub.routes = {
        "together": "black-forest-labs/FLUX.1-schnell",
        "fal-ai": "fal-ai/flux/schnell",
    }
    home.hub.inject_fault(
        "/together/", status=410, body={"error": "no longer supported"}
    )
    page = home.add()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert [request.route for request in home.hub.served] == ["together", "fal-ai"]
    assert len(await home.calls()) == 1


async def test_a_silent_hub_means_the_usual_routes(home: House) -> None:
    home.hub.hub_is_up = False
    page = home.add()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert [request.route for request in home.hub.served] == ["nscale"]


@pytest.mark.parametrize(("setting", "status"), [("fail", "Failed"), ("next", "Card")])
async def test_a_refused_prompt_fails_with_the_reason_or_goes_on(
    tmp_path: Path, setting: str, status: str
) -> None:
    async with house(tmp_path, toml=f'on_refusal = "{setting}"\n') as home:
        await home.begin()
        home.hub.inject_fault(
            "POST", status=400, body={"error": "NSFW content detected"}
        )
        page = home.add()
        await home.live()
        await home.work()
        assert home.read(page)["Image status"] == status
        if setting == "fail":
            assert "refused this prompt" in home.read(page)["Image note"]
            await home.live()
            assert len(await home.jobs()) == 1


async def test_an_image_that_was_deleted_before_it_could_be_uploaded(
    home: House, tmp_path: Path
) -> None:
    home.space.inject_fault("/file_uploads", times=60, status=503)
    page = home.add()
    await home.live()
    (path,) = (tmp_path / "images").glob("*.png")
    path.unlink()
    home.space.faults.waiting.clear()
    home.clock.move(minutes=20)
    await home.poll()
    await home.live()
    cells = home.read(page)
    assert cells["Image status"] == "Failed"
    assert cells["Image note"] == (
        f"The image file {path.name} is missing. Tick Regenerate to try again."
    )
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Image status"] == "Done"


async def test_a_folder_that_is_barred_makes_no_call_and_loses_nothing(
    home: House,
) -> None:
    images = home.source.app.image_folder
    images.rmdir()
    images.write_text("somebody's file")
    page = home.add()
    await home.live()
    assert home.hub.served == []
    assert len([line for line in home.said if "disk.full" in line]) == 1
    images.unlink()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1
    assert any("disk.freed" in line for line in home.said)


async def test_a_folder_barred_while_an_image_is_made_pays_once(home: House) -> None:
    images, slept = home.source.app.image_folder, home.clock.sleep
    page = home.add()

    async def barred_meanwhile(_seconds: float) -> None:
        home.hub.sleep = slept
        images.rmdir()
        images.write_text("somebody's file")

    async def mended(seconds: float) -> None:
        await slept(seconds)
        if images.is_file():
            images.unlink()
            images.mkdir()

    home.hub.sleep = barred_meanwhile
    object.__setattr__(home.source.app.clock, "sleep", mended)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1


async def test_a_folder_that_was_removed_is_made_again(home: House) -> None:
    home.source.app.image_folder.rmdir()
    page = home.add()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
