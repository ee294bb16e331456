"""Alternative texts of images, for screen readers; pure.

A text is a plain sentence of at most 250 characters (IPTC Photo Metadata User Guide),
without "image of" and hashtags.
"""

from __future__ import annotations

import re

from daemon.jobs.prompt import strip_social_markup, truncate_text

_LIMIT = 250
#: Characters of the prompt's parts that describe the subject.
_SUBJECT_LIMIT = 125
_NEGATIVE = re.compile(r"\b(?:avoid|negative prompt|do not include)\b.*", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:please\s+)?(?:create|generate|make|paint|draw)?\s*(?:an?|the)?\s*"
    r"(?:[\w-]+\s+){0,2}(?:image|photo|photograph|picture|illustration)\s+(?:of|showing)\s+",
    re.IGNORECASE,
)
_QUALITY = re.compile(
    r"^(?:\d+k|hdr|highly detailed|ultra[- ]?\w*|sharp focus|masterpiece|best quality|"
    r"photorealistic|cinematic(?: lighting)?|award[- ]winning|"
    r"no (?:text|letters|logos?)|"
    r"\d+\s?mm(?: lens)?|f/\d.*|(?:style|mood|lighting|camera)\s*:.*)$",
    re.IGNORECASE,
)


def alt_text_for_card(words: str, tag: str) -> str:
    """Return the alternative text of a card: the words it shows, and its tag."""
    one_line = re.sub(r"\s+", " ", words).strip()
    tail = f" — {tag}" if tag else ""
    room = _LIMIT - len(tail) - len("Text on a plain background: “…”")
    quoted, was_cut = truncate_text(one_line, room)
    return f"Text on a plain background: “{quoted}{'…' if was_cut else ''}”{tail}"


def alt_text_for_prompt(prompt: str, words: str) -> str:
    """Return the alternative text of an image, made of its prompt.

    A prompt without a usable subject gives way to the first sentence of *words*.
    """
    subject = _LEAD.sub("", _NEGATIVE.sub("", prompt).strip())
    kept: list[str] = []
    for part in re.split(r"[,;\n]|\.\s", subject):
        clean = part.strip(" .")
        if not clean or _QUALITY.match(clean):
            continue
        if kept and len(", ".join([*kept, clean])) > _SUBJECT_LIMIT:
            break
        kept.append(clean)
    if kept:
        text, _ = truncate_text(", ".join(kept), _LIMIT - len(". (AI-generated)"))
        return f"{text[:1].upper()}{text[1:].rstrip('.!?')}. (AI-generated)"
    sentence = re.split(r"(?<=[.!?])\s", strip_social_markup(words) or "the post")[0]
    text, _ = truncate_text(
        sentence, _LIMIT - len("Illustration for: . (AI-generated)")
    )
    return f"Illustration for: {text.rstrip('.')}. (AI-generated)"
