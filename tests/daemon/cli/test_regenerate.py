"""`regenerate` and `generate` with a seed."""

from __future__ import annotations

from tests.daemon.cli.desk import Desk

#: Cloudflare's service takes no seed.
_CHAIN = {
    "POSTBRUSH_CHAIN": '["flux", "cloudflare", "freeapi"]',
    "CLOUDFLARE_API_TOKEN": "cf-token",
    "CLOUDFLARE_ACCOUNT_ID": "me",
}


async def test_the_seed_is_said_with_who_ignores_it_and_kept_with_the_job(
    desk: Desk,
) -> None:
    desk.add("Bread day", "We bake at six.")
    assert (await desk.cli("once", **_CHAIN)).code == 0
    said = await desk.cli("regenerate", "bread", "--seed", "4711", **_CHAIN)
    line = (
        "Job 2 'Bread day' is queued. Seed: 4711. "
        "Cloudflare FLUX will not use the seed.\n"
    )
    assert (said.out, said.code) == (line, 0)
    assert (await desk.cli("once")).code == 0
    assert desk.town.hub.served[-1].seed == 4711
    shown = (await desk.cli("job", "2")).out
    assert "seed 4711, as requested\n" in shown
    assert ".png, seed 4711\n" in shown
    as_data = await desk.cli("regenerate", "bread", "--seed", "0", "--json", **_CHAIN)
    assert as_data.json["ignores_seed"] == ["Cloudflare FLUX"]


async def test_each_of_several_images_by_hand_has_another_seed(desk: Desk) -> None:
    words = ("generate", "A red bike", "-n", "2", "--seed", "7", "--json")
    images = (await desk.cli(*words)).json
    assert [image["seed"] for image in images] == [7, 8]
