"""Converts the image of a provider to a PNG of the requested size.

Pillow is used in this folder and in the card only.  Every image is re-encoded from its
pixels, so no metadata of a provider (prompt, workflow, EXIF, C2PA) reaches the page.
"""

from __future__ import annotations

import html
import io
from contextlib import suppress
from typing import Literal, TypeAlias

from PIL import Image, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo

from daemon.config.parsing import ImageFormat
from daemon.imaging.blank_image import is_blank
from providers.base import ImageSize
from providers.outcomes import BlankImageError, InvalidImageError
from providers.request_fitting import MAX_ENLARGEMENT

#: IPTC DigitalSourceType of a generated image, of one with words on it, and of a card.
Provenance: TypeAlias = Literal[
    "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "digitalCreation"
]

#: Stills only.  Pillow reads AVIF if it was built with it.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
_MAX_PIXELS = 40_000_000
_MIN_SIDE = 64
#: An image at most this much larger than its format is cropped, which keeps it sharp.
_MAX_TRIM = 1.05
#: Crops keep what is slightly above the middle, where faces usually are.
_CENTRE = (0.5, 0.45)
#: An image is cropped if at least this share of its area remains, else framed.
_MIN_CROP_SHARE = 0.66
_COMPRESSION = 6
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def normalize_image(
    data: bytes, size: ImageFormat, *, may_be_plain: bool = False
) -> Image.Image:
    """Decode *data* and fit it to *size*, as sRGB without metadata.

    Args:
        may_be_plain: Accept an image of one colour with words, such as a card.

    Raises:
        InvalidImageError: The data is not an image, truncated, animated, over 40
            megapixels, or would be enlarged more than twice.
        BlankImageError: The image is of one colour, which is how some services refuse
            a prompt.
    """
    image = _flatten_image(_decode_image(data))
    if not may_be_plain and is_blank(image):
        raise BlankImageError("sent a blank image")
    return _fit_image(image, size)


def _decode_image(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_header(image)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
    except InvalidImageError:
        raise
    # Pillow passes on any error of a decoder: OSError, SyntaxError, ValueError, ...
    except Exception as error:
        why = f"sent something that cannot be decoded ({type(error).__name__})"
        raise InvalidImageError(why) from error
    return image


def _check_header(image: Image.Image) -> None:
    width, height = image.size
    if width * height > _MAX_PIXELS:
        raise InvalidImageError(f"sent {width}x{height} pixels, too many to decode")
    if min(width, height) < _MIN_SIDE:
        raise InvalidImageError(f"sent only {width}x{height} pixels")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise InvalidImageError("sent an animation")


def _flatten_image(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit sRGB on white, without metadata."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Image.convert would clip 16-bit greys instead of scaling them.
        image = image.point(lambda value: value / 256).convert("L")
        profile = None
    if image.has_transparency_data:
        foreground = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(foreground, mask=foreground.getchannel("A"))
    if profile is not None and image.mode in {"RGB", "CMYK", "L"}:
        image = _to_srgb(image, profile)
    if image.mode != "RGB":
        image = image.convert("RGB")
    image.info.clear()
    return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415 - 0.3 MB that few images need

    # A broken profile is ignored; the image is kept as it is.
    with suppress(OSError, ImageCms.PyCMSError, ValueError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        if converted is not None:
            return converted
    return image


def is_large_enough(given: ImageSize, size: ImageFormat) -> bool:
    """Return True if an image of a *given* size is enlarged at most twice."""
    return _scale_for(given, size) <= MAX_ENLARGEMENT


def _scale_for(given: ImageSize, size: ImageFormat) -> float:
    scales = size.width / given.width, size.height / given.height
    return max(scales) if _is_cropped(given, size) else min(scales)


def _is_cropped(given: ImageSize, size: ImageFormat) -> bool:
    wanted, actual = size.width / size.height, given.width / given.height
    return min(wanted / actual, actual / wanted) >= _MIN_CROP_SHARE


def _fit_image(image: Image.Image, size: ImageFormat) -> Image.Image:
    target = (size.width, size.height)
    if image.size == target:
        # The copy drops the reference to the file.
        return image.copy()
    if not is_large_enough(image, size):
        raise InvalidImageError(
            f"sent {image.width}x{image.height}, too small to enlarge"
        )
    if not _is_cropped(image, size):
        return _frame_image(image, target)
    scale = _scale_for(image, size)
    if 1 / _MAX_TRIM <= scale <= 1:
        return _trim_image(image, target)
    fitted = ImageOps.fit(image, target, Image.Resampling.LANCZOS, centering=_CENTRE)
    return _sharpen_image(fitted, scale)


def _trim_image(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Crop an image that is a little larger, without resampling it."""
    left = round((image.width - target[0]) * _CENTRE[0])
    top = round((image.height - target[1]) * _CENTRE[1])
    return image.crop((left, top, left + target[0], top + target[1]))


def _sharpen_image(image: Image.Image, scale: float) -> Image.Image:
    """Sharpen lightly what was enlarged by *scale*."""
    if scale <= 1:
        return image
    return image.filter(ImageFilter.UnsharpMask(radius=scale, percent=50, threshold=2))


def _frame_image(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Show the whole image on a blurred, enlarged copy that fills the frame."""
    small = (max(1, target[0] // 8), max(1, target[1] // 8))
    blurred = ImageOps.fit(image, small).filter(ImageFilter.GaussianBlur(6))
    frame = blurred.resize(target, Image.Resampling.BICUBIC)
    whole = ImageOps.contain(image, target, Image.Resampling.LANCZOS)
    whole = _sharpen_image(whole, whole.width / image.width)
    left, top = (target[0] - whole.width) // 2, (target[1] - whole.height) // 2
    frame.paste(whole, (left, top))
    return frame


def encode_png(
    image: Image.Image,
    *,
    provenance: Provenance | None,
    prompt: str | None = None,
) -> bytes:
    """Return the image as a PNG with an sRGB chunk and XMP metadata.

    Args:
        provenance: IPTC DigitalSourceType; None leaves it out.
        prompt: Embedded in the XMP packet; None leaves it out.
    """
    return _save_png(image, _build_xmp(provenance, prompt))


def _save_png(image: Image.Image, xmp: str) -> bytes:
    info = PngInfo()
    info.add(b"sRGB", b"\0")
    info.add_itxt("XML:com.adobe.xmp", xmp)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=_COMPRESSION)
    return out.getvalue()


def _build_xmp(provenance: str | None, prompt: str | None) -> str:
    ext = ""
    if provenance is not None:
        uri = f"{_SOURCE_TYPES}{provenance}"
        ext += f"<Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>"
    if prompt is not None:
        # XML 1.0 cannot express control characters.
        plain = "".join(char for char in prompt if char.isprintable() or char == "\n")
        ext += (
            "<Iptc4xmpExt:AIPromptInformation>"
            f"{html.escape(plain, quote=False)}</Iptc4xmpExt:AIPromptInformation>"
        )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<xmp:CreatorTool>postbrush</xmp:CreatorTool>{ext}"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    )


def shrink_for_upload(png: bytes, limit: int) -> bytes:
    """Return a PNG of the same size within *limit* bytes, with fewer colours.

    The image gets the most bits a channel (7 to 4) that fit.  Seven bits cannot be
    told from eight (51 dB); six always suffice for a story and 5 MiB.  If four bits
    exceed the limit, that PNG is returned.
    """
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.load()
    xmp = image.info.get("xmp", b"").decode("utf-8", "replace")
    pixels = image.convert("RGB")
    smallest = png
    for bits in (7, 6, 5, 4):
        if len(smallest) <= limit:
            break
        coarse = ImageOps.posterize(pixels, bits)
        coarse.info.clear()
        smallest = _save_png(coarse, xmp)
    return smallest


def make_thumbnail(png: bytes, side: int) -> bytes:
    """Return a WebP thumbnail of a PNG of ours, at most *side* pixels each way."""
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    image.convert("RGB").save(out, "WEBP", quality=78, method=2)
    return out.getvalue()
