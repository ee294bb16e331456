"""What of a text must be seen: letters, digits and marks, but not ornaments."""

from __future__ import annotations

import unicodedata

from providers.card.font_files import package_of
from providers.outcomes import BadRequestError

#: Variation selectors; strokes through letters and signs around them.
_UNSEEN = frozenset("\ufe0e\ufe0f")
_DECORATING = (*range(0x334, 0x339), *range(0x20D0, 0x2100))
#: Arrows, boxes, shapes, miscellaneous symbols, dingbats and their supplements; not
#: signs that say something, as ° and №.
_ORNAMENTS = (
    *((0x2190, 0x21FF), (0x2300, 0x23FF), (0x2500, 0x27BF), (0x2900, 0x297F)),
    *((0x2B00, 0x2BFF), (0x3030, 0x3030), (0x1F000, 0x1FAFF)),
)


def visible_characters(text: str) -> str:
    """Return *text* without variation selectors and decorating marks."""
    return "".join(
        char for char in text if char not in _UNSEEN and ord(char) not in _DECORATING
    )


def is_ornament(char: str) -> bool:
    """Return True for a sign that can be left out: an arrow, a shape, a dingbat."""
    return any(low <= ord(char) <= high for low, high in _ORNAMENTS)


def missing_letter(part: str) -> BadRequestError:
    """Return the error that no font has a letter, with the package that has it."""
    letter = unicodedata.normalize("NFC", part)[0]
    name = unicodedata.name(letter, "no name")
    return BadRequestError(
        f"no font has the letter {part} (U+{ord(letter):04X}, {name}); "
        f"the Debian package {package_of(letter)} may have it"
    )
