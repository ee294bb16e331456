"""The daemon dies while an image is put on the store, and goes on: paid for once."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.crash.world import World, all_is_well, world
from tests.daemon.imaging.store.server import Shop


def _with_store(here: World, shop: Shop, prefix: str) -> None:
    here.environ = {
        **here.environ,
        **shop.environ,
        "POSTBRUSH_IMAGES__STORE": f"s3://{shop.bucket}/{prefix}",
        "POSTBRUSH_IMAGES__STORE_ENDPOINT": shop.url,
    }


async def test_killed_between_the_folder_the_store_and_the_row(
    shop: Shop, tmp_path: Path
) -> None:
    async with world(tmp_path / "whole", "cloudflare", ticked=False) as whole:
        _with_store(whole, shop, "whole")
        code, borders = await whole.life()
        assert code == 0
        expected = len(whole.writes)
        all_is_well(whole, "killed nowhere", expected, unknowable=False)
    linked = borders.index("after link of the image")
    # Here, then there, then on record.
    assert borders[linked + 1 : linked + 5] == [
        "before put on the store",
        "after put on the store",
        "before commit in generation/call_result.record_image",
        "after commit in generation/call_result.record_image",
    ]
    for number in range(linked + 1, linked + 5):
        async with world(tmp_path / str(number), "cloudflare", ticked=False) as here:
            _with_store(here, shop, str(number))
            code, _ = await here.life(die_at=number)
            where = f"killed {borders[number - 1]}"
            assert code == -signal.SIGKILL, where
            code, _ = await here.life()
            assert code == 0, where
            all_is_well(here, where, expected + 1, unknowable=False)
            on_disk = {path.name for path in (here.folder / "images").iterdir()}
            assert shop.names(str(number)) == on_disk, where
