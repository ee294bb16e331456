"""Composes a card: chooses its layout, places its elements, and draws them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from providers.base import CardSettings, ImageRequest
from providers.card import background, fonts, logo
from providers.card.card_text import CardText, one_line
from providers.card.colour import choose_palette
from providers.card.content import Content, as_statement
from providers.card.elements import Element, LogoImage, PlacedLine, Shape, draw_elements
from providers.card.event import arrange_event
from providers.card.fonts import FontChoice
from providers.card.layout import choose_composition, compute_layout
from providers.card.logo import Logo
from providers.card.mood import find_mood
from providers.card.rows import arrange_list, arrange_table
from providers.card.scene import Scene
from providers.card.statement import arrange_statement
from providers.card.structure import recognize_content
from providers.card.versus import arrange_versus
from providers.outcomes import BadRequestError

_LOGO_HEIGHT = 0.085
_Arrange = Callable[[Content, Scene], list[Element] | None]
_ARRANGERS: dict[str, _Arrange] = {
    "statement": arrange_statement,
    "quote": arrange_statement,
    "review": arrange_statement,
    "list": arrange_list,
    "table": arrange_table,
    "event": arrange_event,
    "versus": arrange_versus,
}
_DENSE = frozenset({"list", "table", "event"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPlan:
    """Everything that is on a card, before it is drawn.

    Attributes:
        content: What is shown; a list that did not fit has become its heading.
        elements: The text, then the small line and the logo at the foot.
    """

    content: Content
    scene: Scene
    elements: tuple[Element, ...]


def render_card(request: ImageRequest, look: CardSettings) -> bytes:
    """Return a card as a PNG of exactly the requested size.

    Raises:
        BadRequestError: There are no words, no font has their characters, or they
            do not fit.
    """
    plan = plan_card(request, look)
    scene = plan.scene
    canvas = background.render_background(
        scene.palette,
        request.width,
        request.height,
        request.seed,
        ground=scene.composition.ground,
        mirrored=scene.font.is_rtl,
    )
    draw_elements(canvas, plan.elements)
    png = io.BytesIO()
    canvas.save(png, "PNG", compress_level=1)
    return png.getvalue()


def plan_card(request: ImageRequest, look: CardSettings) -> CardPlan:
    """Return what a card shows, and where.

    Raises:
        BadRequestError: As `render_card`.
    """
    look = replace(look, tag=one_line(look.tag))
    content = recognize_content(request.words, look.layout)
    if not _shown_text(content) and look.tag:
        words = CardText(paragraphs=(look.tag,), emblem=content.words.emblem)
        content = Content(layout="statement", words=words)
    text = _shown_text(content)
    if not text:
        raise BadRequestError("the post contains no words for a card")
    font = fonts.choose_base_font(text, shouted=content.words.is_shouted, own=look.font)
    _check_coverage(text, font)
    logos = (look.logo, look.logo_dark)
    palette = choose_palette(
        text,
        request.seed,
        look,
        mood="calm" if content.layout == "table" else find_mood(request.words),
        suits=lambda grounds: (
            (chosen := logo.choose_logo(logos, grounds)) is None
            or chosen.is_visible(grounds)
        ),
    )
    mark = logo.choose_logo(logos, palette.background_colours)
    scene = Scene(
        layout=compute_layout(
            request.width,
            request.height,
            with_foot=bool(look.tag or mark),
            is_dense=content.layout in _DENSE,
        ),
        composition=choose_composition(request.seed),
        palette=palette,
        font=font,
        look=look,
    )
    for candidate in _candidates(content):
        elements = _ARRANGERS[candidate.layout](candidate, scene)
        if elements:
            elements += _arrange_foot(scene, mark)
            return CardPlan(content=candidate, scene=scene, elements=tuple(elements))
    raise BadRequestError("the words do not fit on a card of this size")


def describe_card(request: ImageRequest, look: CardSettings) -> str:
    """Return what a card says, without the line at its foot.

    Raises:
        BadRequestError: As `render_card`.
    """
    plan = plan_card(request, look)
    given, possible = plan.content.stars
    stars = [f"{given} of {possible} stars"] if possible else []
    lines = [line for line in plan.elements if isinstance(line, PlacedLine)]
    return "; ".join([*stars, *(line.spoken for line in lines if line.spoken)])


def _shown_text(content: Content) -> str:
    """Return everything that a card of *content* letters in its font."""
    parts = [
        *content.words.paragraphs,
        *(item.text for item in content.items),
        *(cell for row in content.rows for cell in row),
        *content.details,
        *content.sides,
    ]
    return " ".join(filter(None, parts))


def _check_coverage(text: str, font: FontChoice) -> None:
    if font.needs_shaping and not fonts.has_raqm():
        raise BadRequestError("this script needs the system library libfribidi0")
    fonts.split_runs(text, font)


def _candidates(content: Content) -> Iterator[Content]:
    """Yield what a card may show, the best first."""
    yield content
    words = content.words
    if content.layout not in _DENSE and content.layout != "versus":
        return
    # All the parts below a shorter heading, the heading alone, the first part.
    if len(words.paragraphs) > 1:
        yield replace(content, words=replace(words, paragraphs=words.paragraphs[:1]))
    if words.paragraphs:
        yield as_statement(content)
    parts = (*(item.text for item in content.items), *content.sides[:1])
    if parts and parts[0]:
        yield Content(layout="statement", words=replace(words, paragraphs=parts[:1]))


def _arrange_foot(scene: Scene, mark: Logo | None) -> list[Element]:
    """Return the small line, and the logo in the other corner."""
    layout = scene.layout
    elements: list[Element] = []
    left, right = layout.left, layout.right
    if mark is not None:
        elements = _arrange_logo(scene, mark)
        gap = layout.short * 0.04
        edge = elements[-1].box
        if scene.font.is_rtl:
            left = edge[2] + gap
        else:
            right = edge[0] - gap
    if scene.look.tag and mark is None:
        elements.append(_foot_rule(scene))
    if scene.look.tag:
        placed = replace(
            scene, composition=replace(scene.composition, is_centred=False)
        )
        target = placed if mark is not None else scene
        note = target.note(scene.look.tag, layout.foot, layout.small, (left, right))
        # Whoever describes the card names the brand.
        elements.append(replace(note, spoken=""))
    return elements


def _foot_rule(scene: Scene) -> Shape:
    layout = scene.layout
    rule, length = layout.foot - layout.small * 1.6, layout.short * 0.05
    left = scene.left_of(length)
    return Shape(
        box=(left, rule, left + length, rule + max(2.0, layout.short * 0.003)),
        colour=scene.palette.accent,
    )


def _arrange_logo(scene: Scene, mark: Logo) -> list[Element]:
    """Return the logo, on a plate if it cannot be seen on the background."""
    layout = scene.layout
    share = 0.45 if scene.look.tag else 0.7
    image = mark.resize(layout.width * share, layout.short * _LOGO_HEIGHT)
    left = layout.left if scene.font.is_rtl else layout.right - image.width
    middle = layout.foot - layout.small * 0.35
    top = middle - image.height / 2
    placed = LogoImage(image=image, left=left, top=top)
    if mark.is_visible(scene.palette.background_colours):
        return [placed]
    room = layout.short * 0.018
    shift = room if scene.font.is_rtl else -room
    placed = replace(placed, left=left + shift)
    box = placed.box
    return [
        Shape(
            box=(box[0] - room, box[1] - room, box[2] + room, box[3] + room),
            colour=logo.plate_colour(mark),
            radius=room,
        ),
        placed,
    ]
