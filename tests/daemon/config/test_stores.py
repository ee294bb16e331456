"""`images.store` and its key: what is right, what is wrong, and what is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.config import checks, list_origins
from daemon.errors import ConfigError
from daemon.imaging.store.remote import RemoteStore
from tests.daemon.config.test_config import ENVIRON

_KEY = {
    "AWS_ACCESS_KEY_ID": "AKIDFORTESTSONLY0000",
    "AWS_SECRET_ACCESS_KEY": "s3cret/For+Tests0nly",
}


def _load(folder: Path, images: str, **environ: str) -> config.Settings:
    (folder / "postbrush.toml").write_text(f"[images]\n{images}\n")
    return config.load_settings(None, {**ENVIRON, **environ}, folder)


def test_a_store_is_a_bucket_and_a_folder_in_it(tmp_path: Path) -> None:
    images = 'store = "s3://pictures/oven & oak/"'
    place = _load(tmp_path, images, **_KEY).store
    assert place is not None
    assert (place.bucket, place.prefix) == ("pictures", "oven & oak")
    assert (place.endpoint, place.region) == ("", "us-east-1")
    usual = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1"}
    place = _load(tmp_path, images, **_KEY, **usual).store
    assert place is not None
    assert (place.endpoint, place.region) == ("http://127.0.0.1:9", "eu-west-1")
    images += '\nstore_endpoint = "https://s3.example.org/"\nstore_region = "auto"'
    place = _load(tmp_path, images, **_KEY, **usual).store
    assert place is not None
    assert (place.endpoint, place.region) == ("https://s3.example.org", "auto")


def test_the_key_is_a_secret_and_only_read_when_it_is_wanted(tmp_path: Path) -> None:
    settings = _load(tmp_path, 'store = "s3://pictures"', **_KEY)
    rows = {key: (value, origin) for key, value, origin in list_origins(settings)}
    assert rows["images.store"][0] == "s3://pictures"
    for name, value in _KEY.items():
        assert rows[name] == ("set", name)
        assert value in settings.secrets.all_values()
        assert value not in repr(settings) + str(rows)
    # Somebody's for something else.
    other = _load(tmp_path, "", **_KEY)
    assert other.store is None
    assert not set(_KEY.values()) & set(other.secrets.all_values())
    assert not any("AWS" in key for key, *_ in list_origins(other))


@pytest.mark.parametrize(
    ("images", "environ", "tells"),
    [
        ('store = "pictures"', _KEY, 'must be a bucket, such as "s3://bucket/prefix"'),
        (
            'store = "s3://K3Y:S3CR3T@pictures"',
            _KEY,
            'must be a bucket, such as "s3://bucket/prefix"',
        ),
        ('store = "s3://pictures/a/../b"', _KEY, "without empty parts, . or .."),
        (
            'store = "s3://pictures/a\\u0007"',
            _KEY,
            'must be a bucket, such as "s3://bucket/prefix"',
        ),
        (
            'store = "s3://pictures"\nstore_endpoint = "https://K3Y:S3CR3T@s3.org"',
            _KEY,
            'must be an address, such as "https://s3.example.org"',
        ),
        (
            'store = "s3://pictures"\nstore_region = "of mine"',
            _KEY,
            "store_region must be a",
        ),
        (
            'store = "s3://pictures"',
            {**_KEY, "AWS_ENDPOINT_URL": "s3.S3CR3T.org"},
            "AWS_ENDPOINT_URL must be an address",
        ),
        (
            'store = "s3://pictures"',
            {"AWS_ACCESS_KEY_ID": "AKIDFORTESTSONLY0000"},
            "images.store needs AWS_SECRET_ACCESS_KEY. Put each in",
        ),
        (
            'store = "s3://pictures"',
            {},
            "images.store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, images: str, environ: dict[str, str], tells: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, images, **environ)
    (problem, _) = caught.value.problems
    assert tells in problem
    assert "S3CR3T" not in problem


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("https://s3.example.org", True),
        ("http://127.0.0.1:9000/", True),
        ("http://[::1]:9000", True),
        ("https://proxy.example.org/s3/pictures", True),
        # Each of these ended the process inside of obstore.
        ("http://127.0.0.1:99999", False),
        ("http://[::1", False),
        ("http://[:::]", False),
        ("https://bäckerei.example", False),
        ("https://s3.example.org/?key=S3CR3T", False),
        ("s3.example.org", False),
    ],
)
def test_an_address_is_one_that_can_be_asked(
    tmp_path: Path, address: str, *, fine: bool
) -> None:
    images = f'store = "s3://pictures"\nstore_endpoint = "{address}"'
    if fine:
        place = _load(tmp_path, images, **_KEY).store
        assert place is not None
        remote = RemoteStore.open(place, *_KEY.values())
        assert remote.where == "s3://pictures"
        return
    with pytest.raises(ConfigError, match=r"images\.store_endpoint must be an address"):
        _load(tmp_path, images, **_KEY)


def test_a_missing_library_is_said_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "is_installed", lambda _library: False)
    with pytest.raises(ConfigError, match="Run `make s3`"):
        _load(tmp_path, 'store = "s3://pictures"', **_KEY)
    assert _load(tmp_path, "").store is None
