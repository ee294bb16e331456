"""Chooses the words that are put on an image.  Pure."""

from __future__ import annotations

from typing import Literal

from daemon.jobs.prompt import Inputs, strip_social_markup, truncate_text
from providers.card.card_text import one_line
from providers.card.sentences import split_sentences

#: Characters of a headline that is made of the post.
_LIMIT = 60


def choose_headline(
    setting: Literal["off", "column", "auto"],
    inputs: Inputs,
    of_page: str | None,
    written: str = "",
) -> str:
    """Return the words for an image on one line; "" for none.

    Args:
        setting: `images.headline`.
        of_page: The property of the page, None if there is none.
        written: The headline of the prompt writer, if it wrote one.
    """
    # A person has asked for these words, or for none.
    if inputs.chosen_headline is not None:
        return one_line(inputs.chosen_headline)
    if setting == "off":
        return ""
    if of_page and (own := one_line(of_page)):
        return own
    if setting == "column":
        return ""
    return one_line(written) or _first_sentence(inputs.words)


def _first_sentence(post: str) -> str:
    """Return the first sentence of a post, cut at a word after 60 characters."""
    sentences = split_sentences(strip_social_markup(post))
    text, was_cut = truncate_text(sentences[0] if sentences else "", _LIMIT)
    return f"{text.rstrip(' ,;:-')}…" if was_cut else text
