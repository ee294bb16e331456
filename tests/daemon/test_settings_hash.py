"""Which changes make a service another one, so that its breaker closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.source_setup import provider_fingerprints

_TOKENS = {"NOTION_TOKEN": "ntn_one", "HUGGINGFACE_TOKEN": "hf_one"}


def _hash(folder: Path, toml: str = "", **environ: str) -> str:
    file = folder / "postbrush.toml"
    file.write_text(toml)
    settings = config.load_settings(file, _TOKENS | environ, folder)
    return provider_fingerprints(settings.by_source())["flux"]


@pytest.mark.parametrize(
    "environ",
    [
        {"NOTION_TOKEN": "ntn_two"},
        {"WEB_PASSWORD": "another password"},
        {"REPLICATE_API_TOKEN": "r8_one"},
    ],
)
def test_another_token_closes_no_breaker_of_this_service(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert _hash(tmp_path, **environ) == _hash(tmp_path)


def test_a_daemon_without_notion_computes_the_same(tmp_path: Path) -> None:
    toml = """
roles = ["generate"]
[database]
url = "postgresql://u@db.test/x"
[images]
store = "s3://pictures/posts"
"""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    only = _hash(tmp_path, toml, NOTION_TOKEN="", **keys)
    assert only == _hash(tmp_path)


def test_its_own_token_and_settings_do(tmp_path: Path) -> None:
    hashes = {
        _hash(tmp_path),
        _hash(tmp_path, HUGGINGFACE_TOKEN="hf_two"),
        _hash(tmp_path, '[providers.flux]\nroute = "nscale"'),
        _hash(tmp_path, '[providers.flux]\nbase_url = "https://u:pw@a.test"'),
    }
    assert len(hashes) == 4
    assert all(len(each) == 32 for each in hashes)
