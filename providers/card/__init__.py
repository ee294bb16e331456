"""The card: a post's own words, lettered well enough to publish.

`words` decides what is lettered, `glyphs` with which face, `lines` where lines
break, `colour` and `ground` on what, and `letter` puts it together.
"""

from __future__ import annotations
