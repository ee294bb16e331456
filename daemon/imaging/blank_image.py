"""Tells a picture from an empty image, by what it holds and not by its brightness.

A candle in the dark, fog and snow are pictures.  A grey tile that says "content
blocked" is not: it is how some services refuse a prompt.  The thresholds lie midway
between such pictures and tiles, as `tests/daemon/imaging/test_blank.py` draws them.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

#: Bits per cell of a picture at a glance, and of one without grain and letters.
_OBVIOUS_BITS, _PICTURE_BITS = 3.5, 1.7
#: Share of pixels in long ramps of brightness, as around a flame.
_GLOW_SHARE = 0.001
#: Pixels of a ramp.  The edge of a letter is a ramp of at most three.
_RAMP = 8


def is_blank(image: Image.Image) -> bool:
    """Return True for an RGB image of one colour, with or without grain or words."""
    small = image.resize((64, 64), Image.Resampling.BOX)
    if _entropy(small) >= _OBVIOUS_BITS:
        return False
    medium = image.resize((128, 128), Image.Resampling.BOX)
    # The median removes strokes from the larger image, and grain from the smaller one.
    median = ImageFilter.MedianFilter(5)
    bits = min(_entropy(medium.filter(median)), _entropy(small.filter(median)))
    # A small glow in a dark room covers too little of the image for that measure.
    return bits < _PICTURE_BITS and _glow_share(image) < _GLOW_SHARE


def _entropy(image: Image.Image) -> float:
    """Return the bits per pixel of the channel that has most."""
    return max(channel.entropy() for channel in image.split())


def _glow_share(image: Image.Image) -> float:
    """Return the share of pixels in ramps, in steps of 1/512 or 1/128 of a side."""
    grey = image.convert("L")
    sizes = (max(1, min(grey.size) // side) for side in (512, 128))
    return max(_ramp_share(grey.reduce(factor)) for factor in sizes)


def _ramp_share(grey: Image.Image) -> float:
    """Return the share of pixels that begin a ramp, each step brighter or darker."""
    ramps = 0
    for lying in (grey, grey.transpose(Image.Transpose.TRANSPOSE)):
        for rising in (lying, ImageChops.invert(lying)):
            steps = ImageChops.subtract(_without_first(rising, 1), rising)
            length = 1
            while length < _RAMP:
                steps = ImageChops.darker(_without_first(steps, length), steps)
                length *= 2
            ramps += sum(steps.histogram()[1:])
    return ramps / (grey.width * grey.height)


def _without_first(image: Image.Image, columns: int) -> Image.Image:
    """Return the image shifted to the left; `ImageChops` cuts to the smaller image."""
    return image.crop((columns, 0, image.width, image.height))
