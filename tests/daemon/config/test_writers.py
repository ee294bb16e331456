"""Which prompt writers a configuration turns on, and whose token each is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from daemon import config
from daemon.errors import ConfigError
from providers.base import ProviderSettings

_HF = {"HUGGINGFACE_TOKEN": "hf_token"}
_CF = {"CLOUDFLARE_API_TOKEN": "cf_token", "CLOUDFLARE_ACCOUNT_ID": "me"}
_OPENAI = {"OPENAI_API_KEY": "sk_key"}
_OWN = {"WRITER_TOKEN": "own_token"}


def _writers(
    folder: Path, toml: str, environ: Mapping[str, str], source: str = "default"
) -> list[ProviderSettings]:
    file = folder / "postbrush.toml"
    file.write_text(toml)
    settings = config.load_settings(file, {"NOTION_TOKEN": "ntn_x", **environ}, folder)
    return settings.by_source()[source].list_writers()


@pytest.mark.parametrize(
    ("toml", "environ", "expected"),
    [
        ("", {}, []),
        ("", _HF, [("writer:flux", "hf_token", None)]),
        (
            "",
            _HF | _CF,
            [
                ("writer:cloudflare", "cf_token", None),
                ("writer:flux", "hf_token", None),
            ],
        ),
        ("[writer]\nuse = 'off'", _HF | _CF, []),
        (
            "[writer]\nkind = 'huggingface'",
            _HF | _CF,
            [("writer:flux", "hf_token", None)],
        ),
        # The account's own address, and the token of the account.
        (
            "[providers.flux]\nbase_url = 'http://a.test'",
            _HF,
            [("writer:flux", "hf_token", "http://a.test")],
        ),
        # A key for OpenAI is not sent to other servers.
        (
            "[writer]\nbase_url = 'http://gpu:11434'",
            _OPENAI,
            [("writer:openai", None, "http://gpu:11434")],
        ),
        (
            "[writer]\nbase_url = 'http://gpu:11434'",
            _OPENAI | _OWN,
            [("writer:openai", "own_token", "http://gpu:11434")],
        ),
        (
            "[writer]\nbase_url = 'https://api.openai.com/v1'",
            _OPENAI,
            [("writer:openai", "sk_key", "https://api.openai.com/v1")],
        ),
    ],
)
def test_what_is_there_decides_who_writes(
    tmp_path: Path,
    toml: str,
    environ: Mapping[str, str],
    expected: list[tuple[str, str | None, str | None]],
) -> None:
    writers = _writers(tmp_path, toml, environ)
    found = [(writer.name, writer.token, writer.base_url) for writer in writers]
    assert found == expected


@pytest.mark.parametrize(
    ("toml", "environ", "tells"),
    [
        ("[writer]\nkind = 'cloudflare'", _HF, "cloudflare needs CLOUDFLARE_API_TOKEN"),
        ("[writer]\nkind = 'openai'", {}, "openai needs base_url in [writer]"),
        ("", _OWN, "WRITER_TOKEN is set, but not the service it belongs to"),
        ("[writer]\nuse = 'on'", {}, "writer.use"),
        ("[writer]\npeople = 'few'", {}, "writer.people"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, toml: str, environ: Mapping[str, str], tells: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        _writers(tmp_path, toml, environ)
    assert tells in str(refused.value)


def test_a_source_may_have_a_writer_of_its_own(tmp_path: Path) -> None:
    toml = (
        "[writer]\nbrand = 'all'\n[sources.shop]\ndata_source = '{}'\n"
        "[sources.shop.writer]\nbrand = 'the shop'\n"
        "[sources.club]\ndata_source = '{}'\n"
        "[sources.club.writer]\nbase_url = 'http://gpu:11434'\n"
    ).format("1" * 32, "2" * 32)
    # Another brand is written by the same service, another server is another one.
    assert [one.name for one in _writers(tmp_path, toml, _HF, "shop")] == [
        "writer:flux"
    ]
    assert [one.name for one in _writers(tmp_path, toml, _HF, "club")] == [
        "writer:openai:club"
    ]
