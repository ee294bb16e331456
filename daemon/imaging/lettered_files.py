"""The files of images with words on them.

They are made of the images in `images/`, which stay as they are, and can be made again
from them.  So they are in a folder of their own, which a backup leaves out.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from daemon.imaging import files
from daemon.imaging.normalize import Provenance, encode_png
from daemon.imaging.overlay import Words, lay_out_words
from providers.card_provider import FONT_LOCK

__all__ = ["Words", "key_of", "write_lettered"]


def key_of(words: Words) -> str:
    """Return a hash of words and their look, in hex, for the name of a file."""
    look = asdict(words.look)
    if not words.with_brand:
        look |= {"tag": "", "logo": None, "logo_dark": None}
    logos = b""
    for path in filter(None, (look["logo"], look["logo_dark"])):
        with suppress(OSError):
            logos += Path(path).read_bytes()
    values = [words.headline, words.style, look, hashlib.sha256(logos).hexdigest()]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def write_lettered(
    target: Path, plain: Path, words: Words, *, mark_ai: bool, prompt: str | None
) -> None:
    """Write the image *plain* with words on it to *target*, unless it exists.

    Args:
        mark_ai: Say in the file that it was composed with a generated image.
        prompt: Embedded in the file; None leaves it out.

    Raises:
        UnsettableError: The words cannot be set; nothing is written.
        OSError: *plain* is missing or damaged, or the file cannot be written.
    """
    if target.exists():
        return
    with Image.open(io.BytesIO(plain.read_bytes()), formats=("PNG",)) as opened:
        picture = opened.convert("RGB")
    with FONT_LOCK:
        lettered = lay_out_words(picture, words).draw()
    provenance: Provenance = "compositeWithTrainedAlgorithmicMedia"
    data = encode_png(
        lettered, provenance=provenance if mark_ai else None, prompt=prompt
    )
    target.parent.mkdir(exist_ok=True)
    # Another task may have written it meanwhile.
    with suppress(FileExistsError):
        files.save_new(target.parent, target.name, data)
