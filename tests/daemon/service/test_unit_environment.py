"""`sudo postbrush init` has the variables of the unit, as systemctl prints them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.service.unit_environment import read_unit_environment


def _systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (folder / "shown").write_text(text)
    tool = folder / "systemctl"
    tool.write_text(f'#!/bin/sh\ntest "$2" = postbrush.service && cat {folder}/shown\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_variables_are_read_as_systemd_prints_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "more"
    file.write_text('# HTTP_PROXY=x\nSSL_CERT_FILE="/etc/our ca.pem"\n\nBROKEN="\n')
    shown = (
        f"EnvironmentFiles={file} (ignore_errors=no)\n"
        "EnvironmentFiles=/nowhere (ignore_errors=yes)\n"
        'Environment=HTTPS_PROXY=http://u:p@proxy:3128 "TZ=Europe/Warsaw" "A=b \\"c"\n'
    )
    _systemctl(tmp_path, monkeypatch, shown)
    assert read_unit_environment() == {
        "HTTPS_PROXY": "http://u:p@proxy:3128",
        "TZ": "Europe/Warsaw",
        "A": 'b "c',
        "SSL_CERT_FILE": "/etc/our ca.pem",
    }


def test_without_systemd_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_unit_environment() == {}
