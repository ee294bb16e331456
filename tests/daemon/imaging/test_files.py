"""Image files: whole or not at all, never over another, read back by others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import SetupError
from daemon.imaging.files import ensure_folder, remove_temp_files, save_new
from tests.daemon.house import House, house

_NAME = re.compile(r"(flux|freeapi)_generated_\d{8}_\d{6}_\d+\.png")
_SIZES = {
    "square": (1080, 1080),
    "portrait": (1080, 1350),
    "landscape": (1200, 630),
    "story": (1080, 1920),
}


def _read_by_exiftool(paths: list[Path]) -> list[dict[str, object]]:
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("exiftool is not installed: apt install libimage-exiftool-perl")
    ended = subprocess.run(
        [tool, "-json", "-G1", "-a", "-s", *map(str, paths)],
        capture_output=True,
        check=True,
        text=True,
    )
    return list(json.loads(ended.stdout))


async def _made(home: House, folder: Path) -> list[Path]:
    for name in _SIZES:
        home.add(f"In {name}", "A lighthouse, #secretly", Format=name)
    await home.live()
    return sorted((folder / "images").iterdir())


@pytest.mark.parametrize("hugging", [True, False])
async def test_names_sizes_and_metadata_read_by_an_independent_tool(
    tmp_path: Path,
    hugging: bool,  # noqa: FBT001 - a parameter
) -> None:
    async with house(tmp_path, hugging=hugging) as home:
        await home.begin()
        paths = await _made(home, tmp_path)
    assert len(paths) == 4
    found: set[tuple[object, object]] = set()
    for path, tags in zip(paths, _read_by_exiftool(paths), strict=True):
        assert _NAME.fullmatch(path.name)
        assert path.name.startswith("flux" if hugging else "freeapi")
        assert path.stat().st_mode & 0o777 == 0o644
        found.add((tags["PNG:ImageWidth"], tags["PNG:ImageHeight"]))
        assert tags["File:FileType"] == "PNG"
        assert tags["PNG:ColorType"] == "RGB"
        assert tags["PNG:BitDepth"] == 8
        assert tags["PNG:SRGBRendering"] == "Perceptual"
        kind = "trainedAlgorithmicMedia" if hugging else "digitalCreation"
        source = str(tags["XMP-iptcExt:DigitalSourceType"])
        assert source.endswith(kind) or kind.lower()[:7] in source.lower()
        assert tags["XMP-xmp:CreatorTool"] == "postbrush"
        told = json.dumps(tags)
        assert "lighthouse" not in told
        assert "Error" not in told
        assert "Warning" not in told
    assert found == set(_SIZES.values())


async def test_the_prompt_is_embedded_only_when_asked_for(tmp_path: Path) -> None:
    toml = "[images]\nembed_prompt = true\nmark_ai = false\n"
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        home.add("A", **{"Image prompt": 'Bread & "butter" <i>'})
        await home.live()
    (path,) = (tmp_path / "images").iterdir()
    (tags,) = _read_by_exiftool([path])
    assert "XMP-iptcExt:DigitalSourceType" not in tags
    assert 'Bread & "butter" <i>' in str(tags["XMP-iptcExt:AIPromptInformation"])


def test_a_taken_name_is_never_written_over(tmp_path: Path) -> None:
    save_new(tmp_path, "a.png", b"first")
    with pytest.raises(FileExistsError):
        save_new(tmp_path, "a.png", b"second")
    assert (tmp_path / "a.png").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from pathlib import Path\n"
        "from daemon.imaging.files import save_new\n"
        f"save_new(Path({str(tmp_path)!r}), 'a.png', bytes(5000))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "OSError" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from daemon.imaging import files\n"
        "os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"files.save_new(Path({str(tmp_path)!r}), 'a.png', b'half')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".postbrush-")
    (tmp_path / "kept.png").write_bytes(b"x")
    remove_temp_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.png"]


def test_a_folder_that_cannot_be_written_to_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(SetupError, match="set data_dir"):
        ensure_folder(file / "images")
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(SetupError, match="Make it writable"):
            ensure_folder(locked)
