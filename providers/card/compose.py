"""Composes a card: one head element, the text, and a small line at the foot."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageOps

from providers.base import CardSettings, ImageRequest
from providers.card import background, fonts
from providers.card.card_text import CardText, one_line, prepare_text
from providers.card.colour import Palette, choose_palette
from providers.card.fonts import FontChoice
from providers.card.layout import Layout, compute_layout, largest_size, smallest_size
from providers.card.lines import TypeSetting, typeset
from providers.outcomes import BadRequestError

_LOGO_EMS = 2.2
_OPENERS = '“„«‘"「『'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """A card that is being drawn."""

    canvas: Image.Image
    palette: Palette
    layout: Layout
    font: FontChoice
    words: CardText
    setting: TypeSetting

    @property
    def leading(self) -> float:
        """The line height in pixels."""
        return self.font.leading * self.setting.size

    @property
    def text_height(self) -> float:
        """The height of all lines in pixels."""
        return (len(self.setting.lines) - 1) * self.leading + self.setting.size * 0.98


def render_card(request: ImageRequest, look: CardSettings) -> bytes:
    """Return a card as a PNG of exactly the requested size.

    Raises:
        BadRequestError: There are no words, no font has their characters, or they
            do not fit.
    """
    look = replace(look, tag=one_line(look.tag))
    words = prepare_text(request.words)
    if not words.paragraphs and look.tag:
        words = CardText(paragraphs=(look.tag,), emblem=words.emblem)
    if not words.paragraphs:
        raise BadRequestError("no words to letter on a card")
    font = fonts.choose_base_font(words.text, shouted=words.is_shouted, own=look.font)
    _check_coverage(words.text, font)
    with_foot = bool(look.tag or look.logo)
    layout = compute_layout(request.width, request.height, with_foot=with_foot)
    palette = choose_palette(words.text, request.seed, look)
    canvas = background.render_background(
        palette, request.width, request.height, request.seed, mirrored=font.is_rtl
    )
    card = _Card(
        canvas=canvas,
        palette=palette,
        layout=layout,
        font=font,
        words=words,
        setting=_typeset_text(words, font, layout),
    )
    _draw_content(card)
    _draw_foot(card, look)
    png = io.BytesIO()
    card.canvas.save(png, "PNG", compress_level=1)
    return png.getvalue()


def _check_coverage(text: str, font: FontChoice) -> None:
    if font.needs_shaping and not fonts.has_raqm():
        raise BadRequestError("its script needs the system library libfribidi0")
    fonts.split_runs(text, font)


def _typeset_text(words: CardText, font: FontChoice, layout: Layout) -> TypeSetting:
    """Return lines and size; long words are broken only if nothing else fits.

    Raises:
        BadRequestError: The words do not fit.
    """
    height = layout.bottom - layout.top - _head_height(words, layout)
    if words.author:
        height -= layout.small * 3
    length = len(words.text) * (2 if font.features else 1)
    setting = typeset(
        words.paragraphs,
        font,
        width=layout.width,
        height=height,
        largest=largest_size(layout, length, font.relative_size),
        smallest=smallest_size(layout),
    )
    if setting is None:
        raise BadRequestError("its words do not fit on a card of this size")
    return setting


def _head_height(words: CardText, layout: Layout) -> float:
    if words.emblem and not words.is_quotation:
        return layout.short * 0.165
    if words.is_quotation:
        return layout.short * 0.15
    if words.kicker:
        return layout.short * 0.05 + layout.small * 3.2
    return layout.short * 0.075


def _draw_content(card: _Card) -> None:
    """Draw head and text, a little above the middle of the free height."""
    layout = card.layout
    head = _head_height(card.words, layout)
    author = layout.small * 3 if card.words.author else 0
    block = head + card.text_height + author
    free = layout.bottom - layout.top - block
    top = layout.top + max(0.0, free) * layout.height_share
    _draw_head(card, top)
    baseline = top + head + card.setting.size * 0.78
    for line in card.setting.lines:
        _draw_line(card, line, baseline)
        baseline += card.leading
    if card.words.author:
        _draw_small_line(
            card, f"— {card.words.author}", top + block, layout.small * 1.25
        )


def _draw_line(card: _Card, line: str, baseline: float) -> None:
    size, font = card.setting.size, card.font
    left = _text_left(card, line, font, size)
    if not font.is_rtl:
        left -= fonts.left_bearing(line, font, size)
        # An opening quotation mark hangs, so that the words start at the margin.
        if line[0] in _OPENERS:
            left -= 0.8 * fonts.width_at_100(line[0], font) * size / 100
    ink = card.palette.text
    fonts.draw_line(
        card.canvas, line, font, size=size, left=left, baseline=baseline, colour=ink
    )


def _text_left(card: _Card, text: str, font: FontChoice, size: float) -> float:
    """Return the left edge of a text of *size* pixels at the margin."""
    return _margin_left(card, fonts.width_at_100(text, font) * size / 100)


def _margin_left(card: _Card, width: float) -> float:
    """Return the left edge of an element at the margin where the text starts."""
    return card.layout.right - width if card.font.is_rtl else card.layout.left


def _draw_head(card: _Card, top: float) -> None:
    """Draw one element: quotation mark, emblem, kicker, or a short bar."""
    if card.words.is_quotation:
        _draw_quotation_mark(card, top)
    elif card.words.emblem:
        _draw_emblem(card, top)
    elif card.words.kicker:
        _draw_kicker(card, top)
    else:
        _draw_bar(card, top, 0.085)


def _draw_quotation_mark(card: _Card, top: float) -> None:
    size, font = round(card.layout.short * 0.24), fonts.SERIF
    left = _text_left(card, "“", font, size) - fonts.left_bearing("“", font, size)
    base, ink = top + size * 0.70, card.palette.accent
    fonts.draw_line(
        card.canvas, "“", font, size=size, left=left, baseline=base, colour=ink
    )


def _draw_emblem(card: _Card, top: float) -> None:
    size = round(card.layout.short * 0.098)
    images = [fonts.render_emoji(emoji, size) for emoji in card.words.emblem]
    tiles = [image for image in images if image is not None]
    if not tiles:
        _draw_bar(card, top, 0.085)
    step = round(size * 1.16)
    left = _margin_left(card, size + step * (len(tiles) - 1))
    for index, tile in enumerate(tiles):
        card.canvas.paste(tile, (round(left) + step * index, round(top)), tile)


def _draw_kicker(card: _Card, top: float) -> None:
    size = card.layout.small * 1.15
    _draw_bar(card, top, 0.05)
    _draw_small_line(
        card, card.words.kicker, top + card.layout.short * 0.012 + size * 1.65, size
    )


def _draw_bar(card: _Card, top: float, share: float) -> None:
    length, thick = card.layout.short * share, max(3.0, card.layout.short * 0.0095)
    left = _margin_left(card, length)
    ImageDraw.Draw(card.canvas).rounded_rectangle(
        (left, top, left + length, top + thick), thick / 2, fill=card.palette.accent
    )


def _draw_small_line(card: _Card, text: str, baseline: float, size: float) -> None:
    """Draw a small line at the text's margin, shortened to what fits."""
    font = fonts.choose_base_font(text, shouted=True, own=None)
    shown = fonts.shorten_to_width(text, font, size, card.layout.width)
    left, ink = _text_left(card, shown, font, size), card.palette.text
    side = round(size)
    fonts.draw_line(
        card.canvas, shown, font, size=side, left=left, baseline=baseline, colour=ink
    )


def _draw_foot(card: _Card, look: CardSettings) -> None:
    if not look.tag and not look.logo:
        return
    layout = card.layout
    rule = layout.foot - layout.small * 1.75
    length = layout.short * 0.05
    left = _margin_left(card, length)
    ImageDraw.Draw(card.canvas).rectangle(
        (left, rule, left + length, rule + max(2.0, layout.short * 0.003)),
        fill=card.palette.accent,
    )
    if look.logo:
        _draw_logo(card, look.logo)
    if look.tag:
        _draw_small_line(card, look.tag, layout.foot, layout.small)


def _draw_logo(card: _Card, path: str) -> None:
    """Draw the owner's logo in the other corner of the foot; skip an invalid file."""
    layout = card.layout
    height = round(layout.small * _LOGO_EMS)
    try:
        with Image.open(path) as opened:
            logo = ImageOps.contain(
                opened.convert("RGBA"), (round(layout.width * 0.4), height)
            )
    except (OSError, ValueError, Image.DecompressionBombError):
        return
    left = layout.left if card.font.is_rtl else layout.right - logo.width
    top = round(layout.foot - logo.height * 0.85)
    card.canvas.paste(logo, (round(left), top), logo)
