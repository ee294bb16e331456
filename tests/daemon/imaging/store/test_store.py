"""Images on a real server: put once, fetched whole or not at all, keys kept quiet."""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from daemon.config.addresses import StoreLocation
from daemon.imaging.store import (
    DamagedImageError,
    NameCollisionError,
    StoreUnavailableError,
)
from daemon.imaging.store.remote import RemoteStore
from daemon.imaging.store.store import Store
from tests.daemon.imaging.store.server import KEY, KEY_ID, Shop

NAME = "flux_generated_20261124_101530_1.png"
DATA = b"\x89PNG" + os.urandom(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


def _remote(
    shop: Shop, key_id: str = KEY_ID, key: str = KEY, **other: str
) -> RemoteStore:
    values = {
        "bucket": shop.bucket,
        "prefix": "oven",
        "endpoint": shop.url,
        "region": "us-east-1",
    }
    return RemoteStore.open(StoreLocation(**{**values, **other}), key_id, key)


def _store(
    folder: Path, remote: RemoteStore, now: Callable[[], float] | None = None
) -> Store:
    folder.mkdir(exist_ok=True)
    return Store(folder, remote, now or (lambda: 0.0))


def test_what_one_keeps_another_has(shop: Shop, tmp_path: Path) -> None:
    store = _store(tmp_path / "one", _remote(shop))
    other = _store(tmp_path / "other", _remote(shop))
    store.save_image(NAME, DATA)
    # Its answer was lost, and it is done again.
    store.save_image(NAME, DATA)
    assert shop.file(NAME).read_bytes() == DATA
    path = other.ensure_local(NAME, SHA256)
    assert path.read_bytes() == DATA
    assert [file.name for file in other.folder.iterdir()] == [NAME]
    shop.gate.shut()
    # Here already: nobody is asked.
    assert other.ensure_local(NAME, SHA256) == path
    shop.gate.open()
    assert other.remote_sizes() == {NAME: len(DATA)}
    other.remove(NAME)
    other.remove(NAME)
    assert (shop.names(), list(other.folder.iterdir())) == (set(), [])
    with pytest.raises(FileNotFoundError):
        other.ensure_local(NAME)
    # Signed with our key, and with nothing else that the environment may hold.
    assert all(KEY_ID in head and "oken" not in head for head in shop.gate.heads)


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    remote = RemoteStore("s3://b/p", "b", MemoryStore())
    store, other = (_store(tmp_path / name, remote) for name in ("one", "other"))
    store.save_image(NAME, DATA)
    with pytest.raises(NameCollisionError, match="its own prefix"):
        other.save_image(NAME, b"another")
    assert remote.get(NAME) == DATA
    # It is not that the store is away, and what was paid for stays here.
    assert (other.away, (other.folder / NAME).read_bytes()) == ("", b"another")
    with pytest.raises(FileExistsError):
        other.save_image(NAME, DATA)


def test_half_an_image_never_gets_its_name(shop: Shop, tmp_path: Path) -> None:
    _store(tmp_path / "one", _remote(shop)).save_image(NAME, DATA)
    now = [0.0]
    other = _store(tmp_path / "other", _remote(shop), lambda: now[0])
    shop.gate.cut_after = 100_000
    with pytest.raises(StoreUnavailableError, match="the connection was lost"):
        other.ensure_local(NAME, SHA256)
    assert list(other.folder.iterdir()) == []
    shop.gate.cut_after = None
    now[0] += 30
    # Whole to its server, and not what was written.
    shop.file(NAME).write_bytes(DATA[:1000])
    with pytest.raises(DamagedImageError):
        other.ensure_local(NAME, SHA256)
    assert list(other.folder.iterdir()) == []
    shop.file(NAME).write_bytes(DATA)
    assert other.ensure_local(NAME, SHA256).read_bytes() == DATA


def test_a_store_that_is_away_is_asked_now_and_then(shop: Shop, tmp_path: Path) -> None:
    now = [0.0]
    store = _store(tmp_path / "one", _remote(shop), lambda: now[0])
    shop.gate.shut()
    with pytest.raises(StoreUnavailableError, match="no connection; check"):
        store.save_image(NAME, DATA)
    shop.gate.open()
    for _ in range(40):
        with pytest.raises(StoreUnavailableError, match=r"s3://bucket-.*/oven is not"):
            store.ensure_local("freeapi_generated_20261124_101530_1.png")
    assert shop.gate.asked == []
    assert store.away
    now[0] += 30
    # Nothing is written twice: what is left to do is done.
    store.save_image(NAME, DATA)
    assert (store.away, shop.file(NAME).read_bytes()) == ("", DATA)


@pytest.mark.parametrize(
    ("wrong", "tells"),
    [
        (
            {"key_id": "AKIDOFSOMEBODYELSE00"},
            "AWS_ACCESS_KEY_ID is not",
        ),
        ({"key": "wrong/Key+wrong"}, "AWS_SECRET_ACCESS_KEY does not match"),
        ({"bucket": "no-such-bucket"}, "bucket 'no-such-bucket' does not exist"),
        ({"endpoint": "http://127.0.0.1:9"}, "no connection; check"),
    ],
)
def test_what_refuses_us_is_said_without_a_key(
    shop: Shop, tmp_path: Path, wrong: dict[str, str], tells: str
) -> None:
    remote = _remote(shop, **wrong)
    store = _store(tmp_path / "one", remote, iter(range(0, 10**6, 60)).__next__)
    for ask in (
        lambda: store.save_image(NAME, DATA),
        lambda: store.ensure_local("freeapi_generated_20261124_101530_1.png"),
        store.remote_sizes,
        store.check_remote,
        remote.check_read_write,
    ):
        with pytest.raises(StoreUnavailableError) as caught:
            ask()
        text = "".join(traceback.format_exception(caught.value)) + repr(store)
        assert tells in text
        for secret in (KEY_ID, KEY, wrong.get("key_id"), wrong.get("key")):
            assert secret is None or secret not in text
        # Nor is anything that the server said.
        assert "<Code>" not in text


@pytest.mark.parametrize("prefix", ["", "a b/c+d", "Bäckerei & Söhne/=?#%41"])
def test_a_prefix_may_have_any_name(shop: Shop, tmp_path: Path, prefix: str) -> None:
    remote = _remote(shop, prefix=prefix)
    remote.check_read_write()
    store = _store(tmp_path / "one", remote)
    store.save_image(NAME, DATA)
    # What is not ours, and in no folder of ours.
    assert store.ensure_local(NAME, SHA256).is_file()
    (store.folder / NAME).unlink()
    assert store.ensure_local(NAME, SHA256).read_bytes() == DATA
    assert store.remote_sizes() == {NAME: len(DATA)}
    assert [path.name for path in shop.folder.rglob("*.png")] == [NAME]


def test_what_others_put_there_is_named_as_it_is(shop: Shop, tmp_path: Path) -> None:
    store = _store(tmp_path / "one", _remote(shop))
    store.save_image(NAME, DATA)
    odd = ["a b.png", "ü&=+.png", "%41.png", "x" * 200 + ".png"]
    for name in odd:
        shop.file(name).write_bytes(b"somebody's")
    shop.file("below").mkdir()
    shop.file("below/deep.png").write_bytes(b"somebody's")
    assert store.remote_sizes() == {NAME: len(DATA), **dict.fromkeys(odd, 10)}
