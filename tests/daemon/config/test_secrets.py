"""Tokens in files beside the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.config import list_origins
from daemon.errors import ConfigError
from tests.daemon.config.test_config import ENVIRON, TOKEN


def _secret(folder: Path, name: str = "NOTION_TOKEN", mode: int = 0o600) -> Path:
    (folder / "secrets").mkdir(exist_ok=True)
    path = folder / "secrets" / name
    path.write_text(f"{TOKEN}\n")
    path.chmod(mode)
    return path


def test_a_token_lies_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    path = _secret(tmp_path)
    (tmp_path / "postbrush.toml").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file, cwd in ((None, tmp_path), (tmp_path / "postbrush.toml", elsewhere)):
        settings = config.load_settings(file, {}, cwd)
        named = {key: (value, origin) for key, value, origin in list_origins(settings)}
        assert named["NOTION_TOKEN"] == ("set", str(path))
        assert settings.secrets.exposed == ()
    # Everything that is said for one start wins over it.
    other = config.load_settings(None, {"NOTION_TOKEN": "ntn_other"}, tmp_path)
    assert other.secrets.all_values() == ["ntn_other"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_that_others_can_read_is_said_with_what_to_do(
    tmp_path: Path, mode: int
) -> None:
    path = _secret(tmp_path, mode=mode)
    assert config.load_settings(None, {}, tmp_path).secrets.exposed == (
        f"Other users can read {path}. Run: chmod 600 {path}",
    )
    # Not used, so it is not spoken of.
    assert config.load_settings(None, ENVIRON, tmp_path).secrets.exposed == ()


def test_what_is_wrong_with_a_file_of_secrets_is_said(tmp_path: Path) -> None:
    path = _secret(tmp_path)
    path.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        config.load_settings(None, {}, tmp_path)
    path.unlink()
    path.parent.rmdir()
    (tmp_path / "secrets").write_text("no folder")
    assert config.load_settings(None, {}, tmp_path).secrets.found == {}


def test_a_text_is_read_as_if_it_were_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "postbrush.toml"
    settings = config.load_text("[posts]\napprove_above = 3\n", path, ENVIRON, tmp_path)
    assert (settings.options.posts.approve_above, settings.file) == (3, path)
    assert not path.parent.exists()
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load_text("[posts", path, ENVIRON, tmp_path)


@pytest.mark.parametrize(
    "toml",
    [
        '[web]\nlisten = "0.0.0.0:8787"',
        '[notion]\ntoken = "ntn_x"',
        '[images]\nstore = "s3://oven"',
    ],
)
@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("/etc/postbrush/postbrush.toml", "/etc/credstore/postbrush.NAME"),
        ("postbrush.toml", "in secrets/, or in the environment"),
    ],
)
def test_a_missing_secret_is_said_with_the_place_it_is_read_from(
    tmp_path: Path, toml: str, file: str, place: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load_text(toml, Path(file), ENVIRON, tmp_path)
    assert any(place in problem for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("pasted", "removed"),
    [
        (f'"{TOKEN}"', "quotes"),
        (f"\u201c{TOKEN}\u201d", "quotes"),
        (f"{TOKEN[:20]}\n{TOKEN[20:]}", "spaces or line breaks"),
        (f"{TOKEN[:20]} {TOKEN[20:]}", "spaces or line breaks"),
        (f"NOTION_TOKEN={TOKEN}", '"NOTION_TOKEN="'),
        (f"\ufeff{TOKEN}", "invisible characters"),
        (
            f"export NOTION_TOKEN = '{TOKEN}'",
            'spaces or line breaks and quotes and "NOTION_TOKEN="',
        ),
    ],
)
def test_a_token_is_read_without_what_was_pasted_with_it(
    tmp_path: Path, pasted: str, removed: str
) -> None:
    secrets = config.load_settings(None, {"NOTION_TOKEN": pasted}, tmp_path).secrets
    assert secrets.first_value(("NOTION_TOKEN",)) == TOKEN
    (told,) = secrets.cleaned
    assert told == (
        f"NOTION_TOKEN (environment variable) contains {removed} beside the token. "
        "postbrush ignores them; store the token alone"
    )


def test_a_token_as_it_should_be_is_not_spoken_of(tmp_path: Path) -> None:
    path = _secret(tmp_path)
    # Every editor ends a file with a line break.
    assert config.load_settings(None, {}, tmp_path).secrets.cleaned == ()
    path.write_text(f"\ufeff{TOKEN}\r\n", "utf-8")
    found = config.load_settings(None, {}, tmp_path).secrets
    assert found.first_value(("NOTION_TOKEN",)) == TOKEN
    # In a password, every character counts.
    environ = {**ENVIRON, "WEB_PASSWORD": '"eight or more"'}
    found = config.load_settings(None, environ, tmp_path).secrets
    assert found.first_value(("WEB_PASSWORD",)) == '"eight or more"'
    assert found.cleaned == ()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NOTION_TOKEN", "hf_" + "a" * 30, "is a Hugging Face token. A Notion token"),
        ("HF_TOKEN", TOKEN, "is a Notion token. A Hugging Face token is needed here"),
        ("NOTION_TOKEN", '""', "is not a token"),
    ],
)
def test_a_token_of_another_service_is_refused(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load_settings(None, {name: value}, tmp_path)
    assert f"{name} (environment variable) {told}" in str(refused.value)
    assert value not in str(refused.value)
