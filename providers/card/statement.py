"""The layouts of a running text: statement, quote, review."""

from __future__ import annotations

from collections.abc import Iterator

from providers.card.content import Content
from providers.card.elements import Element, Shape
from providers.card.scene import Scene, arrange_head, head_height
from providers.card.text_block import TextBlock, cut_versions, whole_sentences

#: Fewer sentences are shown rather than smaller letters, as a share of the short side.
_COMFORTABLE = 0.074


def arrange_statement(content: Content, scene: Scene) -> list[Element] | None:
    """Return the elements of a text with its head and author, None if it is too long.

    Sentences at the end are left out until the letters are large enough.
    """
    layout, words = scene.layout, content.words
    stars = layout.short * 0.085 if content.stars[1] else 0.0
    head = stars * 1.6 or head_height(words, scene)
    author = layout.short * 0.105 if words.author else 0.0
    block = _fit_text(content, scene, layout.height - head - author)
    if block is None:
        return None
    height = head + block.height + author
    top = scene.top_of(height)
    elements: list[Element] = []
    if stars:
        elements += _arrange_stars(content, scene, top, stars)
    else:
        elements += arrange_head(words, scene, top)
    elements += scene.place(block, top + head, scene.palette.text)
    if words.author:
        size = layout.short * 0.045
        edges = (layout.left, layout.right)
        elements.append(scene.note(f"— {words.author}", top + height, size, edges))
    return elements


def _fit_text(content: Content, scene: Scene, height: float) -> TextBlock | None:
    comfortable = round(_COMFORTABLE * scene.font.relative_size * scene.layout.short)
    paragraphs = content.words.paragraphs
    whole = sum(map(len, paragraphs))
    for shown, smallest in _attempts(paragraphs, comfortable, scene.layout.smallest):
        # More than half of the words must not go for the sake of the size.
        if smallest == comfortable and sum(map(len, shown)) < whole / 2:
            continue
        block = scene.fit(shown, height=height, smallest=smallest)
        if block is not None:
            return block
    return None


def _attempts(
    paragraphs: tuple[str, ...], comfortable: int, smallest: int
) -> Iterator[tuple[tuple[str, ...], int]]:
    for shown in whole_sentences(paragraphs):
        yield shown, max(comfortable, smallest)
    for shown in whole_sentences(paragraphs):
        yield shown, smallest
    for shown in cut_versions(paragraphs):
        yield shown, smallest


def _arrange_stars(
    content: Content, scene: Scene, top: float, size: float
) -> list[Element]:
    given, possible = content.stars
    step = size * 1.22
    left = scene.left_of(step * possible - size * 0.22)
    order = range(possible)
    return [
        Shape(
            box=(left + step * index, top, left + step * index + size, top + size),
            colour=scene.palette.emphasis if index < given else scene.palette.faint,
            kind="star",
        )
        for index in (reversed(order) if scene.font.is_rtl else order)
    ]
