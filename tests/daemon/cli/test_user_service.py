"""`postbrush service install --user`: the unit, and what is said without systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.cli import user_service
from daemon.errors import SetupError


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a configuration, and a systemctl that writes down its words."""
    home = tmp_path / 'ada "50%"'
    config = home / ".config" / "postbrush"
    config.mkdir(parents=True)
    (config / "postbrush.toml").touch()
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\n')
    tool.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.chdir(tmp_path)
    return home


def _unit(home: Path) -> Path:
    return home / ".config/systemd/user/postbrush.service"


def test_it_writes_a_unit_and_starts_it(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user_service.install(user=True)
    called = (tmp_path / "called").read_text().splitlines()
    assert called == [
        "--user daemon-reload",
        "--user enable postbrush.service",
        "--user restart postbrush.service",
    ]
    text = _unit(home).read_text()
    named = str(home).replace("%", "%%").replace('"', '\\"')
    assert f'"POSTBRUSH_CONFIG={named}/.config/postbrush/postbrush.toml"' in text
    assert f"WorkingDirectory={tmp_path}/" in text
    assert (home / ".local/share/postbrush").is_dir()
    assert "enable-linger" in capsys.readouterr().out

    user_service.uninstall()
    assert not _unit(home).exists()
    with pytest.raises(SetupError, match="does not exist"):
        user_service.uninstall()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_finds_nothing_wrong_with_it(home: Path, tmp_path: Path) -> None:
    user_service.install(user=True)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(_unit(home))],  # noqa: S607 - the system's
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "postbrush" in line]
    assert complaints == []


def test_what_is_missing_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupError, match="sudo make install"):
        user_service.install(user=False)
    tool = tmp_path / "bin" / "systemctl"
    tool.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    with pytest.raises(SetupError, match="Failed to connect to bus"):
        user_service.install(user=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="systemctl cannot be run"):
        user_service.install(user=True)
    (home / ".config/postbrush/postbrush.toml").unlink()
    with pytest.raises(SetupError, match="No configuration was found"):
        user_service.install(user=True)
