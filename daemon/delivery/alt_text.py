"""Alternative texts, for people who do not see the image.  Pure.

At most 250 characters (IPTC Photo Metadata User Guide); a plain sentence, no
"image of", no hashtags.
"""

from __future__ import annotations

import re

from daemon.jobs.prompt import strip_social_markup, truncate_text

_LIMIT = 250
_SUBJECT = 125
_AFTER = re.compile(r"\b(?:avoid|negative prompt|do not include)\b.*", re.IGNORECASE)
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
    """Say what a card shows: its words, verbatim."""
    flat = re.sub(r"\s+", " ", words).strip()
    tail = f" — {tag}" if tag else ""
    room = _LIMIT - len(tail) - len("Text on a plain background: “…”")
    said, was_cut = truncate_text(flat, room)
    return f"Text on a plain background: “{said}{'…' if was_cut else ''}”{tail}"


def alt_text_for_prompt(prompt: str, words: str) -> str:
    """Say what an image was to show, from its prompt; else whose illustration it is."""
    subject = _LEAD.sub("", _AFTER.sub("", prompt).strip())
    kept: list[str] = []
    for part in re.split(r"[,;\n]|\.\s", subject):
        clean = part.strip(" .")
        if not clean or _QUALITY.match(clean):
            continue
        if kept and len(", ".join([*kept, clean])) > _SUBJECT:
            break
        kept.append(clean)
    if kept:
        said, _ = truncate_text(", ".join(kept), _LIMIT - len(". (AI-generated)"))
        return f"{said[:1].upper()}{said[1:].rstrip('.!?')}. (AI-generated)"
    first = re.split(r"(?<=[.!?])\s", strip_social_markup(words) or "the post")[0]
    said, _ = truncate_text(first, _LIMIT - len("Illustration for: . (AI-generated)"))
    return f"Illustration for: {said.rstrip('.')}. (AI-generated)"
