"""The owner's logo on a card: which file, how large, on what ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from providers.card.colour import LARGE_TEXT_RATIO, WHITE, Rgb, contrast_ratio

#: Fainter pixels are shadows and smooth edges.
_OPAQUE = 96
#: So much of a logo's ink has to be seen on the ground.
_VISIBLE_SHARE = 0.6
_INK = (20, 20, 24)


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo without its transparent margins.

    Attributes:
        tones: Its colours, each with its share of the visible pixels.
    """

    image: Image.Image
    tones: tuple[tuple[Rgb, float], ...]

    def visible_share(self, grounds: Sequence[Rgb]) -> float:
        """Return the share of the logo with a contrast of 3:1 to all *grounds*."""
        return sum(
            share
            for tone, share in self.tones
            if min(contrast_ratio(tone, ground) for ground in grounds)
            >= LARGE_TEXT_RATIO
        )

    def is_visible(self, grounds: Sequence[Rgb]) -> bool:
        """Return whether most of the logo can be seen on all *grounds*."""
        return self.visible_share(grounds) >= _VISIBLE_SHARE

    def resize(self, width: float, height: float) -> Image.Image:
        """Return the logo at about the area of *height* squared, within the box.

        A wide logo is lower than a square one, and a high one narrower.
        """
        own_width, own_height = self.image.size
        shape = own_width / own_height
        scale = min(
            height * max(shape, 1.0) ** 0.62 / own_width,
            width / own_width,
            height * 1.15 / own_height,
        )
        size = (max(1, round(own_width * scale)), max(1, round(own_height * scale)))
        return self.image.resize(size, Image.Resampling.LANCZOS)


@lru_cache(maxsize=8)
def load_logo(path: str) -> Logo | None:
    """Return the logo of a file, or None if it is not a picture with visible pixels."""
    if (image := open_logo(path)) is None:
        return None
    box = image.getchannel("A").point(lambda alpha: 255 * (alpha > 8)).getbbox()
    if box is None:
        return None
    image = image.crop(box)
    image.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    return Logo(image, _find_tones(image))


def open_logo(path: str) -> Image.Image | None:
    """Return the RGBA picture of a file, or None if it is not one."""
    try:
        with Image.open(path) as opened:
            return opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def choose_logo(paths: Sequence[str | None], grounds: Sequence[Rgb]) -> Logo | None:
    """Return the logo that can be seen best on *grounds*; the first one of equals."""
    logos = [logo for path in paths if path and (logo := load_logo(path))]
    return max(logos, key=lambda logo: logo.visible_share(grounds), default=None)


def plate_colour(logo: Logo) -> Rgb:
    """Return white or nearly black, whichever shows more of a logo."""
    return max((WHITE, _INK), key=lambda ground: logo.visible_share((ground,)))


def _find_tones(image: Image.Image) -> tuple[tuple[Rgb, float], ...]:
    small = image.copy()
    small.thumbnail((96, 96))
    data = small.tobytes()
    counts = Counter(
        tuple(channel // 16 * 17 for channel in data[at : at + 3])
        for at in range(0, len(data), 4)
        if data[at + 3] >= _OPAQUE
    )
    return tuple(
        ((red, green, blue), count / counts.total())
        for (red, green, blue), count in counts.items()
    )
