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
        f"others can read {path}: chmod 600 {path}",
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
        ("postbrush.toml", "in secrets/, or into the environment"),
    ],
)
def test_a_missing_secret_is_said_with_the_place_it_is_read_from(
    tmp_path: Path, toml: str, file: str, place: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load_text(toml, Path(file), ENVIRON, tmp_path)
    assert any(place in problem for problem in refused.value.problems)
