"""The store against a server that keeps every promise of S3 we count on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from daemon.config.addresses import StoreLocation
from daemon.imaging.store import NameCollisionError, StoreUnavailableError
from daemon.imaging.store.remote import RemoteStore
from daemon.imaging.store.store import Store
from tests.counterparts.conftest import BIN, free_port, running

pytestmark = pytest.mark.xdist_group("counterparts")

_KEY_ID, _KEY = "AKIDFORTESTSONLY0000", "secret/For+Tests0nly/0123456789abcdef0123"
_NAME = "flux_generated_20261124_101530_1.png"
_MAY = ["Admin", "Read", "Write", "List", "Tagging"]
_READS = ("AKIDWHOONLYREADS0000", "reads/Only0123456789abcdef0123456789abcd")
_PARTS = ("master", "volume", "filer", "s3")


@pytest.fixture
async def seaweed(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """SeaweedFS, with one who may do everything and one who may only read.

    Yields its address, and the one that makes a bucket when it is posted to.
    """
    if not (BIN / "weed").exists():
        pytest.skip("the real counterparts are not installed: make counterparts")
    people = [
        ("app", (_KEY_ID, _KEY), _MAY),
        ("reader", _READS, ["Read", "List"]),
    ]
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": key[0], "secretKey": key[1]}],
            "actions": may,
        }
        for name, key, may in people
    ]
    (tmp_path / "s3.json").write_text(json.dumps({"identities": identities}))
    (tmp_path / "data").mkdir()
    ports = {part: free_port() for part in _PARTS}
    options = [f"-{part}.port={port}" for part, port in ports.items()]
    options += [f"-{part}.port.grpc={free_port()}" for part in _PARTS]
    command = [
        *(str(BIN / "weed"), "server", f"-dir={tmp_path / 'data'}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-volume.max=4"),
        *(f"-s3.config={tmp_path / 's3.json'}", "-master.volumeSizeLimitMB=64"),
        *options,
    ]
    url = f"http://127.0.0.1:{ports['s3']}"
    async with running(command, url):
        yield url, f"http://127.0.0.1:{ports['filer']}/buckets/pictures/"


def _remote(url: str, key_id: str = _KEY_ID, key: str = _KEY) -> RemoteStore:
    place = StoreLocation(
        bucket="pictures", prefix="oven", endpoint=url, region="us-east-1"
    )
    return RemoteStore.open(place, key_id, key)


async def _until_it_works(do: Callable[[], object]) -> None:
    # It answers before its volumes are there.
    for _ in range(100):
        try:
            await asyncio.to_thread(do)
        except StoreUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("it never worked")


async def test_the_real_seaweedfs(seaweed: tuple[str, str], tmp_path: Path) -> None:
    url, bucket = seaweed
    remote = _remote(url)
    with pytest.raises(StoreUnavailableError, match="bucket 'pictures' does not exist"):
        await asyncio.to_thread(remote.check_access)
    async with aiohttp.ClientSession() as session:
        # It answers before it can keep anything.
        for _ in range(100):
            async with session.post(bucket) as made:
                if made.ok:
                    break
            await asyncio.sleep(0.1)
    await _until_it_works(remote.check_read_write)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = Store(tmp_path / "one", remote), Store(tmp_path / "other", remote)

    def together() -> None:
        one.save_image(_NAME, b"image" * 10_000)
        one.save_image(_NAME, b"image" * 10_000)
        # The first who puts it has it, however many try.
        with pytest.raises(NameCollisionError):
            other.save_image(_NAME, b"another")
        (other.folder / _NAME).unlink()
        assert other.ensure_local(_NAME).read_bytes() == b"image" * 10_000
        assert other.remote_sizes() == {_NAME: 50_000}
        other.remove(_NAME)
        other.remove(_NAME)
        assert one.remote_sizes() == {}

    await asyncio.to_thread(together)
    with pytest.raises(StoreUnavailableError, match="the key needs permission"):
        await asyncio.to_thread(_remote(url, *_READS).check_read_write)
    with pytest.raises(
        StoreUnavailableError, match="AWS_ACCESS_KEY_ID is not a key of this store"
    ):
        await asyncio.to_thread(_remote(url, "AKIDNOBODY", _KEY).check_access)
    with pytest.raises(StoreUnavailableError, match="AWS_SECRET_ACCESS_KEY does not"):
        await asyncio.to_thread(_remote(url, _KEY_ID, "wrong").check_access)
