"""A prompt as plain words: what a service would take as a command is taken out.

Prompts come from the posts, and anybody may have written those.  Which signs mean
something to whom: reference pages and source of the services (LocalAI splits at
`|`, stable-diffusion.cpp reads `<lora:...>` and `<sd_cpp_extra_args>`, AI Horde
splits at `###`, AUTOMATIC1111 weighs `(word:1.3)` and `[word]`).  Pure.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<[^<>]{0,200}>")
_WEIGHT = re.compile(r":\s*[+-]?\d+(?:\.\d+)?(?=\s*[)\]])")
_HASHES = re.compile(r"#{3,}")
_KEYWORDS = re.compile(r"\b(AND|BREAK|ADDCOMM|ADDROW|ADDCOL)\b")
_BRACKETS = re.compile(r"[()\[\]]")
_BRACES = str.maketrans({"{": "", "}": "", "<": " ", ">": " "})


def without_bars(prompt: str) -> str:
    """Return *prompt* without `|`, at which some split off a negative prompt."""
    return _tidy_spaces(prompt.replace("|", ", "))


def without_tags(prompt: str) -> str:
    """Return *prompt* without `<...>`, by which some load files and take options."""
    previous = None
    # A tag inside a tag becomes one when the inner is taken out.
    while previous != prompt:
        previous, prompt = prompt, _TAG.sub(" ", prompt)
    return _tidy_spaces(prompt.replace("<", " ").replace(">", " "))


def without_weights(prompt: str) -> str:
    """Return *prompt* without the numbers of `(word:1.3)`."""
    return _WEIGHT.sub("", prompt)


def without_hashes(prompt: str) -> str:
    """Return *prompt* without `###`, at which some split off a negative prompt."""
    return _tidy_spaces(_HASHES.sub(" ", prompt))


def escape_syntax(prompt: str) -> str:
    """Return *prompt* with brackets that mean themselves, and no keywords.

    For the family of AUTOMATIC1111, which reads a backslash as "as it is".
    """
    plain = without_tags(prompt.replace("\\", " ")).translate(_BRACES)
    plain = _KEYWORDS.sub(lambda found: found[0].lower(), plain)
    return _BRACKETS.sub(lambda found: f"\\{found[0]}", plain)


def _tidy_spaces(prompt: str) -> str:
    return re.sub(r" +(?=[ ,])", "", prompt).strip()
