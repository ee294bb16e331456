"""Renders a card: the words of a post as an image that can be published.

`card_text` chooses the words, `structure` what they are, `fonts` the fonts, `lines` the
line breaks, `layout` the positions, `colour` and `background` the colours and the
background.  `compose` combines them.
"""

from __future__ import annotations
