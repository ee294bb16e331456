"""Files are whole or as they were; a secret is never open to others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from daemon.cli.setup import answer_files
from daemon.errors import SetupError

SECRET = "ntn_" + "s" * 40


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(name="umask", params=[0o022, 0o000, 0o077])
def _umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_secret_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new" / "secrets" / "NOTION_TOKEN"
    answer_files.write_secret(path, SECRET)
    answer_files.write_secret(path, f"{SECRET}2")
    assert path.read_text() == f"{SECRET}2\n"
    assert (_mode(path), _mode(path.parent)) == (0o600, 0o700)
    assert [one.name for one in path.parent.iterdir()] == ["NOTION_TOKEN"]


def test_a_secret_is_closed_before_a_byte_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    real = os.open

    def opened(path: str, flags: int, mode: int = 0o777) -> int:
        handle = real(path, flags, mode)
        if flags & os.O_CREAT:
            status = os.fstat(handle)
            seen.append((stat.S_IMODE(status.st_mode), flags & os.O_EXCL))
        return handle

    monkeypatch.setattr(os, "open", opened)
    before = os.umask(0)
    try:
        answer_files.write_secret(tmp_path / "secrets" / "NOTION_TOKEN", SECRET)
    finally:
        os.umask(before)
    assert seen == [(0o600, os.O_EXCL)]


def test_a_configuration_keeps_its_mode_its_link_and_a_copy(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("one = 1\n")
    real.chmod(0o640)
    link = tmp_path / "postbrush.toml"
    link.symlink_to(real)
    copies = [
        answer_files.write_config(link, f"{word} = 2\n") for word in ("two", "three")
    ]
    assert link.is_symlink()
    assert (real.read_text(), _mode(real)) == ("three = 2\n", 0o640)
    assert [copy.read_text() for copy in copies if copy] == ["one = 1\n", "two = 2\n"]


def test_a_new_configuration_can_be_read_by_a_service(
    tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "etc" / "postbrush.toml"
    assert answer_files.write_config(path, "") is None
    assert _mode(path) == 0o644


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_write_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path, hidden = tmp_path / "postbrush.toml", tmp_path / "secrets" / "NOTION_TOKEN"
    path.write_text("one = 1\n")
    answer_files.write_secret(hidden, SECRET)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if fails == "replace":
        monkeypatch.setattr(Path, "replace", full)
    else:
        monkeypatch.setattr(os, "fsync" if fails == "fsync" else "fdopen", full)
    with pytest.raises(SetupError, match="No space left on device") as caught:
        answer_files.write_secret(hidden, f"{SECRET}2")
    assert SECRET not in str(caught.value)
    with pytest.raises(SetupError, match="No space left on device"):
        answer_files.write_config(path, "two = 2\n")
    assert (path.read_text(), hidden.read_text()) == ("one = 1\n", f"{SECRET}\n")
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["NOTION_TOKEN", "postbrush.toml", "secrets"]


def test_what_is_in_the_way_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    answer_files.require_writable(tmp_path / "not" / "there" / "yet.toml")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, tells in (
        (tmp_path / "file" / "postbrush.toml", "is not a folder"),
        (tmp_path / "folder", "it is not a file"),
    ):
        with pytest.raises(SetupError, match=tells):
            answer_files.require_writable(path)
