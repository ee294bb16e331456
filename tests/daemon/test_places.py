"""Which folders an installation uses, wherever it was installed and is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from daemon import config
from daemon.errors import SetupError
from daemon.places import (
    CONTAINER,
    TYPED,
    Home,
    address_commands,
    find_config,
    find_home,
    remember_config,
    typed_program,
)

_SHOP = "[card]\ntag = 'Shop'\n"


def _user(home: Path) -> dict[str, str]:
    return {"HOME": str(home)}


def test_a_user_has_folders_of_the_system(tmp_path: Path) -> None:
    home, cwd = tmp_path / "ada", tmp_path / "somewhere"
    found = find_home(_user(home), cwd)
    assert found == Home(home / ".config/postbrush", home / ".local/share/postbrush")
    # A relative path counts as not set (XDG Base Directory Specification).
    named = {"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "relative", **_user(home)}
    assert find_home(named, cwd) == Home(Path("/c/postbrush"), found.data)


@pytest.mark.parametrize(
    "mark", ["postbrush.toml", "postbrush.db", "secrets/NOTION_TOKEN"]
)
def test_a_folder_with_our_files_is_used_as_before(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    assert find_home(_user(tmp_path / "ada"), tmp_path) == Home(tmp_path, tmp_path)


@pytest.mark.parametrize("folder", [".config/postbrush", ".local/share/postbrush"])
def test_a_users_own_folders_are_no_other_installation(
    tmp_path: Path, folder: str
) -> None:
    """The unit of `service install --user` runs in the one with the database."""
    (tmp_path / "home").symlink_to(tmp_path)
    home, cwd = tmp_path / "home" / "ada", tmp_path / "ada" / folder
    settings = home / ".config/postbrush/postbrush.toml"
    for used in (cwd / "postbrush.db", settings):
        used.parent.mkdir(parents=True, exist_ok=True)
        used.touch()
    environ = _user(home) | {"POSTBRUSH_CONFIG": str(settings)}
    for named in (environ, _user(home)):
        used_data = config.load_settings(None, named, cwd, ready=False).data_dir
        assert used_data == tmp_path / "ada/.local/share/postbrush"


@pytest.mark.parametrize(
    "environ", [{}, {"HOME": "/"}, {"HOME": "ada"}, {"HOME": "/root", CONTAINER: "1"}]
)
def test_without_a_user_it_is_the_current_folder(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert find_home(environ, tmp_path) == Home(tmp_path, tmp_path)


def test_a_checkout_with_its_own_environment_is_its_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert find_home(_user(tmp_path / "ada"), tmp_path) == Home(tmp_path, tmp_path)


def test_the_file_of_the_folder_goes_before_the_users(tmp_path: Path) -> None:
    home, cwd = tmp_path / "ada", tmp_path / "somewhere"
    cwd.mkdir()
    users = home / ".config/postbrush/postbrush.toml"
    users.parent.mkdir(parents=True)
    users.write_text(_SHOP)
    (users.parent / "secrets").mkdir()
    (users.parent / "secrets" / "NOTION_TOKEN").write_text("ntn_users")
    settings = config.load_settings(None, _user(home), cwd)
    assert settings.file == users
    assert settings.data_dir == home / ".local/share/postbrush"
    assert settings.notion_token is not None
    assert settings.notion_token.get_secret_value() == "ntn_users"
    # Named, or found from its own folder, its data are the same.
    named = config.load_settings(users, _user(home), cwd)
    assert named.data_dir == settings.data_dir

    (cwd / "postbrush.toml").write_text(_SHOP)
    assert find_config(None, _user(home), cwd) == cwd / "postbrush.toml"
    settings = config.load_settings(None, _user(home), cwd)
    assert (settings.data_dir, settings.notion_token) == (cwd, None)


def test_with_variables_alone_the_data_are_the_users(tmp_path: Path) -> None:
    environ = {**_user(tmp_path / "ada"), "NOTION_TOKEN": "ntn_x"}
    settings = config.load_settings(None, environ, tmp_path)
    assert settings.file is None
    assert settings.data_dir == tmp_path / "ada/.local/share/postbrush"


@pytest.mark.parametrize(
    ("environ", "toml", "listen"),
    [
        ({"WEB_PASSWORD": "open sesame"}, "", "0.0.0.0:8787"),
        # Without a password, and with a choice of the owner's, nothing is opened.
        ({}, "", "127.0.0.1:8787"),
        ({"WEB_PASSWORD": "open sesame"}, '[web]\nlisten = "off"\n', "off"),
        (
            {"WEB_PASSWORD": "open sesame", "POSTBRUSH_WEB__LISTEN": "[::]:80"},
            "",
            "[::]:80",
        ),
    ],
)
def test_the_page_of_a_container_is_open_with_a_password(
    tmp_path: Path, environ: dict[str, str], toml: str, listen: str
) -> None:
    (tmp_path / "postbrush.toml").write_text(toml)
    settings = config.load_settings(None, {CONTAINER: "1", **environ}, tmp_path)
    assert settings.options.web.listen == listen
    assert settings.data_dir == tmp_path


def test_elsewhere_a_password_opens_nothing(tmp_path: Path) -> None:
    settings = config.load_settings(None, {"WEB_PASSWORD": "open sesame"}, tmp_path)
    assert settings.options.web.listen == "127.0.0.1:8787"


def test_a_folder_that_nobody_may_look_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(SetupError, match=f"{tmp_path} cannot be read. Run"):
        find_config(None, {}, tmp_path)


@pytest.mark.parametrize(
    ("prefix", "typed", "environ", "shown"),
    [
        ("/home/ada/.venv", ".venv/bin/postbrush", {}, ".venv/bin/postbrush"),
        ("/home/ada/x y", "/p/daemon/__main__.py", {}, "'/home/ada/x y/bin/postbrush'"),
        ("/opt/postbrush/current", "postbrush", {}, "sudo postbrush"),
        (
            "/opt/postbrush",
            "postbrush",
            {CONTAINER: "1"},
            "docker compose exec postbrush postbrush",
        ),
    ],
)
def test_a_message_names_a_command_as_its_reader_types_it(
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    typed: str,
    environ: dict[str, str],
    shown: str,
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "argv", [typed, "status"])
    monkeypatch.setattr("os.environ", environ)
    text = "2 posts are waiting: `postbrush approve`, not `postbrushes`"
    assert address_commands(text) == text.replace("postbrush a", f"{shown} a")


def test_a_message_names_the_configuration_that_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TYPED, "config", "")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "postbrush")])
    environ = {"PATH": "/nowhere"}
    program = str(tmp_path / "postbrush")
    remember_config(Path("my shop.toml"), environ)
    assert typed_program("approve", environ) == f"{program} --config 'my shop.toml'"
    assert typed_program("demo", environ) == typed_program("--help", environ) == program
    # A container and the service always have the same file.
    assert "--config" not in typed_program("init", {CONTAINER: "1"})
    # It is found without the option.
    (tmp_path / "postbrush.toml").touch()
    remember_config(tmp_path / "postbrush.toml", environ)
    assert typed_program("approve", environ) == program


def test_a_container_that_does_not_run_is_run_for_a_command() -> None:
    in_container = {CONTAINER: "1"}
    assert typed_program("init", in_container) == "docker compose run --rm postbrush"


def test_the_command_of_the_path_has_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, link = tmp_path / "venv/postbrush", tmp_path / "bin/postbrush"
    for file in (real, link):
        file.parent.mkdir()
    real.touch(0o755)
    link.symlink_to(real)
    monkeypatch.setattr(sys, "argv", [str(real)])
    assert typed_program("status", {"PATH": str(link.parent)}) == "postbrush"
    assert typed_program("status", {"PATH": "/nowhere"}) == str(real)
