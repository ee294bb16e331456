"""Removes syntax from prompts that a service would read as a command.  Pure.

Prompts come from posts, whose text is untrusted.  Sources: the services' reference
pages and code.  LocalAI splits at `|`, stable-diffusion.cpp reads `<lora:...>` and
`<sd_cpp_extra_args>`, AI Horde splits at `###`, AUTOMATIC1111 weighs `(word:1.3)` and
`[word]`.
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
    """Return *prompt* without `|`, which separates a negative prompt."""
    return _tidy_spaces(prompt.replace("|", ", "))


def without_tags(prompt: str) -> str:
    """Return *prompt* without `<...>`, which loads files and sets options."""
    previous = None
    # Removing an inner tag can complete an outer one.
    while previous != prompt:
        previous, prompt = prompt, _TAG.sub(" ", prompt)
    return _tidy_spaces(prompt.replace("<", " ").replace(">", " "))


def without_weights(prompt: str) -> str:
    """Return *prompt* without the numbers of `(word:1.3)`."""
    return _WEIGHT.sub("", prompt)


def without_hashes(prompt: str) -> str:
    """Return *prompt* without `###`, which separates a negative prompt."""
    return _tidy_spaces(_HASHES.sub(" ", prompt))


def escape_syntax(prompt: str) -> str:
    """Return *prompt* with escaped brackets and lower-case keywords.

    AUTOMATIC1111 and its forks read an escaped bracket as a plain one.
    """
    plain = without_tags(prompt.replace("\\", " ")).translate(_BRACES)
    plain = _KEYWORDS.sub(lambda match: match[0].lower(), plain)
    return _BRACKETS.sub(lambda match: f"\\{match[0]}", plain)


def _tidy_spaces(prompt: str) -> str:
    return re.sub(r" +(?=[ ,])", "", prompt).strip()
