"""What `make dist` builds: the same bytes from the same files, and a bill of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests import make_sbom
from tests.systemd.conftest import copied


def _build(folder: Path) -> dict[str, bytes]:
    source, dist = folder / "source", folder / "dist"
    copied(source)
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(dist)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [wheel] = dist.glob("*.whl")
    make_sbom.write_sbom(wheel)
    return {path.name: path.read_bytes() for path in dist.iterdir()}


@pytest.mark.long
def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "another-place"
    for folder in (first, second):
        folder.mkdir()
    built = _build(first)
    assert built == _build(second)
    assert sorted(name.rpartition(".")[2] for name in built) == ["gz", "json", "whl"]

    [wheel] = (first / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {"daemon", "db", "migrations", "providers"} <= tops
    assert len(tops) == 5
    assert "daemon/web/templates/base.html" in names
    with tarfile.open(next((first / "dist").glob("*.tar.gz"))) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"Containerfile", "systemd/install.sh", "requirements.lock"} <= inside


def test_the_bill_names_every_package_that_is_locked(tmp_path: Path) -> None:
    wheel = tmp_path / "postbrush-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    bill = json.loads(make_sbom.write_sbom(wheel).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/postbrush@1.2.3"
    by_name = {part["name"]: part for part in bill["components"]}
    assert by_name["aiohttp"]["scope"] == "required"
    assert by_name["apprise"]["scope"] == "optional"
    locked = (make_sbom.ROOT / "requirements.lock").read_text()
    assert f"aiohttp=={by_name['aiohttp']['version']} " in locked
    pins = [line for line in locked.splitlines() if "==" in line and line[0].isalpha()]
    required = [part for part in bill["components"] if part["scope"] == "required"]
    assert len(required) == len(pins)


def test_the_changelog_begins_with_this_version_and_no_page_names_one() -> None:
    project = tomllib.loads((make_sbom.ROOT / "pyproject.toml").read_text())["project"]
    changelog = (make_sbom.ROOT / "CHANGELOG.md").read_text()
    newest = re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0]
    assert newest in {"Unreleased", project["version"]}
    for page in (make_sbom.ROOT / "README.md", *make_sbom.ROOT.glob("docs/*.md")):
        assert not re.search(r"postbrush-\d\S*\.whl", page.read_text()), page
