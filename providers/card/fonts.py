"""Chooses the font of each word, and measures text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from providers.card.emoji import render_emoji, shown_emoji
from providers.card.font_files import (
    EMOJI,
    SANS,
    SCRIPTS,
    SERIF,
    WIDE,
    FontChoice,
    covered_characters,
    has_raqm,
    installed_fonts,
    load_font,
    missing_letter,
    nastaliq,
    script_of,
    with_metrics,
)
from providers.card.graphemes import (
    is_emoji,
    is_ornament,
    split_graphemes,
    visible_characters,
)

__all__ = ["SANS", "SERIF", "FontChoice", "has_raqm", "load_font", "render_emoji"]

#: The width of an emoji in ems.
EMOJI_EM = 1.06
_MEASURED_AT = 100
#: Letters that Urdu has, and Arabic and Persian have not.
_URDU = frozenset("ٹڈڑںےۓھ")
#: In the serif, a check mark is a root.
_CLEARER = frozenset("✓✗★☆")


def choose_base_font(text: str, *, shouted: bool, own: str | None) -> FontChoice:
    """Return the font of most of *text*; ideographs count three times.

    Args:
        shouted: The text is in capitals, so a Latin text gets a sans-serif font.
        own: Path of the owner's font, used if it has most words.
    """
    script = _main_script(text)
    if own is not None and _has_most_words(own, text):
        return with_metrics(FontChoice(own), script)
    if script == "ARABIC" and _URDU & set(text) and (urdu := nastaliq()):
        return urdu
    default = SCRIPTS.get(script, SANS if shouted else SERIF)
    letters = {char for char in text if script_of(char) not in {"", "LATIN"}}
    bundled = [SCRIPTS[name] for name in WIDE] if script in WIDE else []
    best = _best_of([default, *bundled], letters)
    # Installed fonts, for the first letter that no bundled font has.
    if missing := sorted(letters - _known(letters, best)):
        best = _best_of([best, *installed_fonts(missing[0], script)], letters)
    return best


def _best_of(choices: list[FontChoice], letters: set[str]) -> FontChoice:
    """Return the first font with all letters, else the one with most."""
    whole = (choice for choice in choices if letters == _known(letters, choice))
    return next(whole, None) or max(
        choices, key=lambda choice: len(_known(letters, choice))
    )


def _known(letters: set[str], choice: FontChoice) -> set[str]:
    codes = covered_characters(choice.path, choice.index)
    return {letter for letter in letters if ord(letter) in codes}


def _main_script(text: str) -> str:
    """Return the script of most of *text*; kanji are Japanese beside kana."""
    scripts: Counter[str] = Counter()
    for char in text:
        if script := script_of(char):
            scripts[script] += 3 if script in {"HAN", *WIDE} else 1
    if scripts["JAPANESE"]:
        scripts["JAPANESE"] += scripts.pop("HAN", 0)
    scripts["CHINESE"] += scripts.pop("HAN", 0)
    most = max(scripts, key=lambda name: scripts[name])
    return most if scripts[most] else "LATIN"


def _has_most_words(own: str, text: str) -> bool:
    codes = covered_characters(own)
    words = ["".join(filter(str.isalnum, word)) for word in text.split()]
    known = [
        word for word in words if word and all(ord(char) in codes for char in word)
    ]
    return bool(known) and 2 * len(known) >= sum(map(bool, words))


@dataclass(frozen=True, slots=True)
class TextRun:
    """Consecutive grapheme clusters of one font."""

    text: str
    choice: FontChoice


@lru_cache(maxsize=1024)
def split_runs(text: str, base: FontChoice) -> tuple[TextRun, ...]:
    """Split *text* by the font that has its words.

    A word is of one font, if there is one that has all of it.  An emoji or ornament
    that no font has is left out with the space before it.

    Raises:
        BadRequestError: No font has a letter.
    """
    runs: list[TextRun] = []
    for part in _split_words(text):
        if is_emoji(part):
            emoji = shown_emoji(part)
            shown = [TextRun(emoji, EMOJI)] if emoji else []
        else:
            previous = runs[-1].choice if runs else base
            shown = _runs_of_word(part, base, previous)
        if not shown and runs and runs[-1].text.endswith(" "):
            runs[-1] = TextRun(runs[-1].text[:-1], runs[-1].choice)
        for run in shown:
            if runs and runs[-1].choice == run.choice != EMOJI:
                runs[-1] = TextRun(runs[-1].text + run.text, run.choice)
            elif run.text:
                runs.append(run)
    return tuple(run for run in runs if run.text)


def _split_words(text: str) -> Iterator[str]:
    """Yield words, and one by one the clusters between them."""
    word = ""
    for part in split_graphemes(text):
        if part[0].isalnum() and not is_emoji(part):
            word += part
            continue
        if word:
            yield word
        word = ""
        yield part
    if word:
        yield word


def _runs_of_word(word: str, base: FontChoice, previous: FontChoice) -> list[TextRun]:
    if choice := _choice_for(word, base, previous):
        return [TextRun(visible_characters(word), choice)]
    runs: list[TextRun] = []
    for part in split_graphemes(word):
        choice = _choice_for(part, base, previous)
        if choice is None and is_ornament(part[0]):
            continue
        if choice is None:
            raise missing_letter(part)
        runs.append(TextRun(visible_characters(part), choice))
    return runs


def _choice_for(part: str, base: FontChoice, previous: FontChoice) -> FontChoice | None:
    """Return the first font that has all of *part*; spaces and marks stay in theirs."""
    wanted = {ord(char) for char in visible_characters(part)} - {0x200C, 0x200D}
    preferred = () if part[0].isalnum() or previous == EMOJI else (previous,)
    if part in _CLEARER:
        preferred = (SANS,)
    nearest: tuple[FontChoice, ...] = (*preferred, base, *_fallbacks(part[0]))
    if choice := next((one for one in nearest if _has_all(one, wanted)), None):
        return choice
    codes = covered_characters(base.path, base.index)
    lacking = next((char for char in part if ord(char) not in codes), part[0])
    installed = installed_fonts(lacking, script_of(part[0]))
    return next((one for one in installed if _has_all(one, wanted)), None)


def _has_all(choice: FontChoice, wanted: set[int]) -> bool:
    is_usable = has_raqm() or not choice.needs_shaping
    return is_usable and wanted <= covered_characters(choice.path, choice.index)


def _fallbacks(char: str) -> tuple[FontChoice, ...]:
    """Return the bundled fonts, that of the script first."""
    script = script_of(char)
    own = (SCRIPTS[script],) if script in SCRIPTS else ()
    return (*own, SERIF, SANS, *SCRIPTS.values())


@lru_cache(maxsize=4096)
def width_at_100(text: str, base: FontChoice) -> float:
    """Return the width of *text* in pixels at a size of 100; widths scale with it."""
    return sum(_run_width(run) for run in split_runs(text, base))


def shorten_to_width(text: str, base: FontChoice, size: float, width: float) -> str:
    """Return *text*, cut with an ellipsis to *width* pixels at *size* pixels."""
    clusters = split_graphemes(text)
    for count in range(len(clusters), 0, -1):
        shown = "".join(clusters[:count]) + ("…" if count < len(clusters) else "")
        if width_at_100(shown, base) * size / 100 <= width:
            return shown
    return ""


def _run_width(run: TextRun) -> float:
    if run.choice is EMOJI:
        return EMOJI_EM * _MEASURED_AT
    font = load_font(run.choice.path, _MEASURED_AT, run.choice.index)
    return font.getlength(run.text, features=font_features(run.choice))


def font_features(choice: FontChoice) -> list[str] | None:
    """Return the OpenType features, or None without Raqm, which rejects them."""
    return list(choice.features) if choice.features and has_raqm() else None


def left_bearing(text: str, base: FontChoice, size: int) -> float:
    """Return the distance in pixels from the first letter's origin to its ink."""
    runs = split_runs(text[:1], base)
    if not runs or runs[0].choice is EMOJI:
        return 0.0
    font = load_font(runs[0].choice.path, size, runs[0].choice.index)
    return float(font.getbbox(runs[0].text, anchor="ls")[0])
