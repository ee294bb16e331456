"""Reads a writer's answer: finds the JSON object, checks, cleans and cuts it.  Pure.

The answer is untrusted.  It is only ever used as text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping

from providers.writers.base import WrittenPrompt
from providers.writers.prompt_cleaning import clean_prompt, cut_at_word, is_english

#: FLUX.1-schnell reads some 1,100 characters; style and feedback need theirs.
_MAX_PROMPT, _MAX_HEADLINE, _MAX_ALT = 600, 40, 125
_LEAST_WORDS = 4
_MAX_OBJECTS, _MAX_DEPTH = 20, 4
#: What reasoning models think aloud, also without its beginning.
_THOUGHTS = re.compile(
    r"\A.*</(?:think|thinking|reasoning)>|<\|channel\|>analysis.*?<\|message\|>",
    re.DOTALL | re.IGNORECASE,
)
_UNFINISHED_THOUGHT = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_KEYS = {
    "prompt": "prompt",
    "imageprompt": "prompt",
    "headline": "headline",
    "alt": "alt",
    "alttext": "alt",
}
#: Invisible characters that are parts of words in some scripts.
_JOINERS = "\u200c\u200d"
_QUOTES = '"“”„‟«»‹›「」『』`*_'
#: What is left of an emoji: a joiner beside no letter, a selector, a keycap.
_EDGE_JOINERS = re.compile(f"(?<!\\S)[{_JOINERS}]+|[{_JOINERS}]+(?!\\S)")
_EMOJI_PARTS = re.compile("[\ufe0e\ufe0f\u20e3\u203c\u2049]")
_IMAGE_OF = re.compile(
    r"^(?:an? |the )?(?:image|photo|picture|photograph)s? (?:of|showing) ",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+", re.IGNORECASE)
_TAG = re.compile(r"(?<!\w)[#@]\w+")
_WORDS = re.compile(r"[^\W\d_]+")
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*")
_STEM = 4


class UnusableAnswerError(Exception):
    """The answer is not usable; the message says why, in words for the writer."""


def read_answer(text: str, words_of_post: str) -> WrittenPrompt:
    """Return the prompt, headline and alt text in a writer's answer.

    Args:
        words_of_post: Title and text of the post, which the headline is made of.

    Raises:
        UnusableAnswerError: There is no usable prompt in it.
    """
    fields = find_object(text)
    prompt = _one_line(fields.get("prompt", ""))
    if not is_english(prompt):
        raise UnusableAnswerError('"prompt" is not in English')
    prompt = cut_at_word(clean_prompt(prompt), _MAX_PROMPT)
    if len(_WORDS.findall(prompt)) < _LEAST_WORDS:
        raise UnusableAnswerError('"prompt" does not describe a picture')
    return WrittenPrompt(
        prompt=prompt,
        headline=_clean_headline(fields.get("headline", ""), words_of_post),
        alt=_clean_alt(fields.get("alt", "")),
    )


def find_object(text: str) -> Mapping[str, str]:
    """Return the texts of the first JSON object with a prompt: "prompt", "alt", ...

    Fences, thoughts, words around it and further objects are passed over.

    Raises:
        UnusableAnswerError: There is none.
    """
    text = _THOUGHTS.sub("", text)
    if _UNFINISHED_THOUGHT.search(text):
        raise UnusableAnswerError("the answer ends before the JSON object")
    for value in _json_objects(text):
        for found in _nested_objects(value):
            fields = _texts_of(found)
            if fields.get("prompt", "").strip():
                return fields
    has_begun = "{" in text and "prompt" in text
    raise UnusableAnswerError(
        "the JSON object is incomplete or invalid"
        if has_begun
        else "the answer is not JSON"
    )


def _json_objects(text: str) -> Iterator[object]:
    decoder = json.JSONDecoder(strict=False)
    begin = 0
    for _ in range(_MAX_OBJECTS):
        if (begin := text.find("{", begin)) < 0:
            return
        try:
            value, begin = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            begin += 1
        else:
            yield value


def _nested_objects(value: object, depth: int = 0) -> Iterator[dict[str, object]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _nested_objects(item, depth + 1)


def _texts_of(found: Mapping[str, object]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in found.items():
        key = _KEYS.get(re.sub(r"[\s_-]", "", str(name)).casefold())
        if key is not None and isinstance(value, str):
            texts.setdefault(key, value)
    return texts


def _one_line(text: str) -> str:
    """Return *text* on one line, composed, without control characters."""
    visible = "".join(
        char
        if char in _JOINERS or not unicodedata.category(char).startswith("C")
        else " "
        for char in unicodedata.normalize("NFC", text)
    )
    return " ".join(visible.split())


def _clean_words(text: str) -> str:
    """Return *text* without links, tags, names of accounts, emoji and outer quotes."""
    plain = _TAG.sub(" ", _LINK.sub(" ", _one_line(text)))
    kept = "".join(
        " " if unicodedata.category(char) in {"So", "Sk"} else char for char in plain
    )
    kept = _EDGE_JOINERS.sub("", _EMOJI_PARTS.sub("", kept))
    return " ".join(kept.split()).strip(_QUOTES + " ")


def _clean_headline(text: str, words_of_post: str) -> str:
    headline = cut_at_word(_clean_words(text), _MAX_HEADLINE).rstrip(" ,;:-")
    return headline if _comes_from(headline, words_of_post) else ""


def _clean_alt(text: str) -> str:
    alt = _IMAGE_OF.sub("", _clean_words(text))
    return cut_at_word(alt[:1].upper() + alt[1:], _MAX_ALT)


def _comes_from(headline: str, post: str) -> bool:
    """Return True if a headline claims nothing that the post does not say.

    All of its numbers, and at least half of its words by their beginnings, are in the
    post.  In scripts without spaces, half of the characters count.
    """
    post = unicodedata.normalize("NFC", post).casefold()
    numbers = set(_NUMBERS.findall(post))
    if not set(_NUMBERS.findall(headline)) <= numbers:
        return False
    words = [word.casefold() for word in _WORDS.findall(headline)]
    stems = {word[:_STEM] for word in _WORDS.findall(post)}
    known = sum(word[:_STEM] in stems for word in words)
    if words and 2 * known >= len(words):
        return True
    letters = [char for word in words for char in word if ord(char) > 0x0E00]  # noqa: PLR2004
    return bool(letters) and 2 * sum(char in post for char in letters) >= len(letters)
