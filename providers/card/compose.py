"""Composes a card: one head element, the text, and a small line at the foot."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageOps

from providers.base import CardSettings, ImageRequest
from providers.card import background, fonts, lines
from providers.card.card_text import CardText, one_line, prepare_text, split_graphemes
from providers.card.colour import Palette, choose_palette
from providers.card.fonts import FontChoice
from providers.card.layout import Layout, compute_layout, largest_size, smallest_size
from providers.card.lines import TypeSetting, split_line_items
from providers.outcomes import BadRequestError

_MISSING_ALLOWED = 0.05
_LOGO_EMS = 2.2
_OPENERS = '“„«‘"「『'


@dataclass(frozen=True, slots=True, kw_only=True)
class CardComposition:
    """A card that is being drawn: `place` has the positions, `face` is the font."""

    canvas: Image.Image
    colours: Palette
    place: Layout
    face: FontChoice
    wording: CardText
    setting: TypeSetting

    @property
    def leading(self) -> float:
        """The line height in pixels."""
        return self.face.leading * self.setting.size

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
    wording = prepare_text(request.words)
    if not wording.paragraphs and look.tag:
        wording = CardText(paragraphs=(look.tag,), emblem=wording.emblem)
    if not wording.paragraphs:
        raise BadRequestError("no words to letter on a card")
    face = fonts.choose_base_font(
        wording.text, shouted=wording.is_shouted, own=look.font
    )
    _check_coverage(wording.text, face)
    with_foot = bool(look.tag or look.logo)
    place = compute_layout(request.width, request.height, with_foot=with_foot)
    colours = choose_palette(
        wording.text,
        request.seed,
        background=look.background,
        color=look.color,
        accent=look.accent,
    )
    card = CardComposition(
        canvas=background.render_background(
            colours, request.width, request.height, request.seed, mirrored=face.rtl
        ),
        colours=colours,
        place=place,
        face=face,
        wording=wording,
        setting=_typeset_text(wording, face, place),
    )
    _draw_content(card)
    _draw_foot(card, look)
    png = io.BytesIO()
    card.canvas.save(png, "PNG", compress_level=1)
    return png.getvalue()


def _check_coverage(text: str, face: FontChoice) -> None:
    if face.shaped and not fonts.has_raqm():
        raise BadRequestError("its script needs the system library libfribidi0")
    _, missing = fonts.split_runs(text, face)
    total = sum(not cluster.isspace() for cluster in split_graphemes(text))
    if missing > _MISSING_ALLOWED * total:
        raise BadRequestError(f"no font for {missing} of its {total} characters")


def _typeset_text(wording: CardText, face: FontChoice, place: Layout) -> TypeSetting:
    """Return lines and size; long words are broken only if nothing else fits.

    Raises:
        BadRequestError: The text does not fit.
    """
    height = place.bottom - place.top - _head_height(wording, place)
    if wording.author:
        height -= place.small * 3
    length = len(wording.text) * (2 if face.features else 1)
    for chopped in (False, True):
        setting = lines.fit_text(
            split_line_items(wording.paragraphs, face, chopped=chopped),
            width=place.width,
            height=height,
            largest=largest_size(place, length, face.share),
            smallest=smallest_size(place),
            leading=face.leading,
        )
        if setting is not None:
            return setting
    raise BadRequestError("its words do not fit on a card of this size")


def _head_height(wording: CardText, place: Layout) -> float:
    if wording.emblem and not wording.is_quotation:
        return place.short * 0.165
    if wording.is_quotation:
        return place.short * 0.15
    if wording.kicker:
        return place.short * 0.05 + place.small * 3.2
    return place.short * 0.075


def _draw_content(card: CardComposition) -> None:
    """Draw head and text, a little above the middle of the free height."""
    place = card.place
    head = _head_height(card.wording, place)
    author = place.small * 3 if card.wording.author else 0
    block = head + card.text_height + author
    free = place.bottom - place.top - block
    top = place.top + max(0.0, free) * place.height_share
    _draw_head(card, top)
    baseline = top + head + card.setting.size * 0.78
    for line in card.setting.lines:
        _draw_line(card, line, baseline)
        baseline += card.leading
    if card.wording.author:
        _draw_small_line(
            card, f"— {card.wording.author}", top + block, place.small * 1.25
        )


def _draw_line(card: CardComposition, line: str, baseline: float) -> None:
    size = card.setting.size
    left = _margin_left(card, fonts.width_at_100(line, card.face) * size / 100)
    if not card.face.rtl:
        left -= fonts.left_bearing(line, card.face, size)
        # An opening quotation mark hangs, so that the words start at the margin.
        if line[0] in _OPENERS:
            left -= 0.8 * fonts.width_at_100(line[0], card.face) * size / 100
    fonts.draw_line(
        card.canvas,
        line,
        card.face,
        size=size,
        left=left,
        baseline=baseline,
        colour=card.colours.text,
    )


def _margin_left(card: CardComposition, width: float) -> float:
    """Return the left edge of an element at the margin where the text starts."""
    return card.place.right - width if card.face.rtl else card.place.left


def _draw_head(card: CardComposition, top: float) -> None:
    """Draw one element: quotation mark, emblem, kicker, or a short bar."""
    if card.wording.is_quotation:
        _draw_quotation_mark(card, top)
    elif card.wording.emblem:
        _draw_emblem(card, top)
    elif card.wording.kicker:
        _draw_kicker(card, top)
    else:
        _draw_bar(card, top, 0.085)


def _draw_quotation_mark(card: CardComposition, top: float) -> None:
    size = round(card.place.short * 0.24)
    left = _margin_left(card, fonts.width_at_100("“", fonts.SERIF) * size / 100)
    left -= fonts.left_bearing("“", fonts.SERIF, size)
    fonts.draw_line(
        card.canvas,
        "“",
        fonts.SERIF,
        size=size,
        left=left,
        baseline=top + size * 0.70,
        colour=card.colours.accent,
    )


def _draw_emblem(card: CardComposition, top: float) -> None:
    size = round(card.place.short * 0.098)
    images = [fonts.render_emoji(emoji, size) for emoji in card.wording.emblem]
    tiles = [image for image in images if image is not None]
    if not tiles:
        _draw_bar(card, top, 0.085)
    step = round(size * 1.16)
    left = _margin_left(card, size + step * (len(tiles) - 1))
    for index, tile in enumerate(tiles):
        card.canvas.paste(tile, (round(left) + step * index, round(top)), tile)


def _draw_kicker(card: CardComposition, top: float) -> None:
    size = card.place.small * 1.15
    _draw_bar(card, top, 0.05)
    _draw_small_line(
        card, card.wording.kicker, top + card.place.short * 0.012 + size * 1.65, size
    )


def _draw_bar(card: CardComposition, top: float, share: float) -> None:
    length, thick = card.place.short * share, max(3.0, card.place.short * 0.0095)
    left = _margin_left(card, length)
    ImageDraw.Draw(card.canvas).rounded_rectangle(
        (left, top, left + length, top + thick), thick / 2, fill=card.colours.accent
    )


def _draw_small_line(
    card: CardComposition, text: str, baseline: float, size: float
) -> None:
    """Draw a small line at the text's margin, shortened to what fits."""
    face = fonts.choose_base_font(text, shouted=True, own=None)
    shown = fonts.shorten_to_width(text, face, size, card.place.width)
    left = _margin_left(card, fonts.width_at_100(shown, face) * size / 100)
    fonts.draw_line(
        card.canvas,
        shown,
        face,
        size=round(size),
        left=left,
        baseline=baseline,
        colour=card.colours.text,
    )


def _draw_foot(card: CardComposition, look: CardSettings) -> None:
    if not look.tag and not look.logo:
        return
    place = card.place
    rule = place.foot - place.small * 1.75
    length = place.short * 0.05
    left = _margin_left(card, length)
    ImageDraw.Draw(card.canvas).rectangle(
        (left, rule, left + length, rule + max(2.0, place.short * 0.003)),
        fill=card.colours.accent,
    )
    if look.logo:
        _draw_logo(card, look.logo)
    if look.tag:
        _draw_small_line(card, look.tag, place.foot, place.small)


def _draw_logo(card: CardComposition, path: str) -> None:
    """Draw the owner's logo in the other corner of the foot; skip an invalid file."""
    place = card.place
    height = round(place.small * _LOGO_EMS)
    try:
        with Image.open(path) as opened:
            logo = ImageOps.contain(
                opened.convert("RGBA"), (round(place.width * 0.4), height)
            )
    except (OSError, ValueError, Image.DecompressionBombError):
        return
    left = place.left if card.face.rtl else place.right - logo.width
    top = round(place.foot - logo.height * 0.85)
    card.canvas.paste(logo, (round(left), top), logo)


def card_lines(request: ImageRequest, look: CardSettings) -> Sequence[str]:
    """Return the lines of a card without drawing it, for tests.

    Raises:
        BadRequestError: The text does not fit.
    """
    wording = prepare_text(request.words)
    face = fonts.choose_base_font(
        wording.text, shouted=wording.is_shouted, own=look.font
    )
    place = compute_layout(request.width, request.height, with_foot=bool(look.tag))
    return _typeset_text(wording, face, place).lines
