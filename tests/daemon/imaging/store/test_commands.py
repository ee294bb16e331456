"""Commands and the store: what they say of it, and never its key."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.cli.desk import QUICK, desk
from tests.daemon.imaging.store.server import KEY, KEY_ID, Shop


async def test_check_tries_the_store(shop: Shop, tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.configure(QUICK + shop.toml())
        fine = await here.cli("check", "--json", **shop.environ)
        (line,) = [row for row in fine.json if row["what"] == "store"]
        assert line["found"].endswith("test object written, read and deleted")
        assert line["todo"] == ""
        # Nothing stays there.
        assert shop.names() == set()
        wrong = {**shop.environ, "AWS_SECRET_ACCESS_KEY": "wrong/Key+0123456789"}
        refused = await here.cli("--debug", "check", "--json", **wrong)
        assert refused.code == 1
        (line,) = [row for row in refused.json if row["what"] == "store"]
        assert "AWS_SECRET_ACCESS_KEY does not match" in line["todo"]
        for secret in (KEY_ID, KEY, "wrong/Key"):
            assert secret not in refused.out + refused.err + fine.out + fine.err


async def test_a_daemon_says_that_its_store_is_away_and_stops_all_the_same(
    shop: Shop, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.configure(QUICK + shop.toml())
        shop.gate.shut()
        async with here.daemon(**shop.environ) as daemon:
            here.add()
            line = await daemon.says("store.away")
            assert "is not available (no connection" in line["message"]
            status = await here.cli("status", **shop.environ)
            assert f"store    the image store s3://{shop.bucket}/oven is" in status.out
            assert await daemon.end() == 0
            assert not any("Traceback" in line for line in daemon.raw)
        shop.gate.open()
        async with here.daemon(**shop.environ) as daemon:
            await daemon.says("job.done")
        assert here.town.hub.painted == 1
        assert len(shop.names()) == 1
