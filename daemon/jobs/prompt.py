"""The inputs of an image, and the prompt that is made of a page's words.  Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from daemon.config.model import PromptSection
from daemon.config.parsing import fill_template, uses_placeholder
from daemon.jobs.prompt_rule import LOOK, SURFACES, describe_post

#: Longest prompt that is made from a post, in characters.
_LONGEST = 1000
#: Ended the prompts of version 0.1, by which stored jobs are compared.
_FORMER_END = "No text, no letters, no logo."
#: Stands for the post's words while a template is filled; no text holds it.
_MARK = "\0"
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@])@[\w.]+")
_HASHTAG = re.compile(r"(?<![\w#&])#[\w\N{MIDDLE DOT}]+")
#: Parts of emoji: joiners, variation selectors, keycaps and flag letters.
_EMOJI_PARTS = re.compile(
    "[\u200d\u20e3\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_SYMBOLS = frozenset({"So", "Sk", "Cf", "Co", "Cn", "Cs"})

Origin: TypeAlias = Literal["prompt", "post", "title"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of an image and its variants.

    Attributes:
        prompt: Prompt built from the page, not yet truncated; empty: no image.
        origin: Source of the prompt: "prompt", "post" or "title".
        words: Text of the post, for the card.
        format: Format of the page, or the configured one.
        variants: Number of images, 1 to 4.
        feedback: Text that is also part of `prompt`, stored to detect a change.
        request: Hash of what page and settings ask for, whoever writes the prompt.
        post_part: Range of `prompt` that may be cut; empty: all of it, from its end.
        pick: Number of the variant that a person has picked to be shown alone.
        chosen_files: Names of the job's images to show again, in order; empty: all.
        columns: The properties that the template inserts, by name.
        headline: The property of the page; None if it is not used.
        chosen_headline: A person's words for `chosen_files`; None for the usual ones.
        seed: A person's seed for the first image; None for random ones.
    """

    prompt: str
    origin: str
    words: str
    title: str
    format: str
    variants: int
    feedback: str
    request: str = ""
    post_part: Sequence[int] = ()
    pick: int | None = None
    chosen_files: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    headline: str | None = None
    chosen_headline: str | None = None
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, without empty ones of later versions."""
        values = {name: getattr(self, name) for name in _FIELDS}
        for name in _LATER:
            no_pick = name == "pick" and not values[name]
            if no_pick or values[name] in (None, (), [], {}):
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Inputs:
        """Return the inputs that `to_dict` wrote, also in another version of ours."""
        former = {"request": _hash_request(values["prompt"])}
        # A later version may have stored more.
        known = {name: values[name] for name in _FIELDS if name in values}
        return cls(**{**former, **known})


def seed_input(seed: int | None) -> dict[str, int]:
    """Return the entry of a job's inputs for a person's seed; {} for None."""
    return {} if seed is None else {"seed": seed}


_FIELDS = tuple(field.name for field in fields(Inputs))
_LATER = (
    *("post_part", "pick", "chosen_files", "columns"),
    *("headline", "chosen_headline", "seed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt and the property it comes from; `text` is empty without words.

    Attributes:
        request, post_part: See `Inputs`.
    """

    text: str
    origin: Origin
    request: str = ""
    post_part: tuple[int, ...] = ()


def build_prompt(
    *,
    page_prompt: str,
    post: str,
    title: str,
    columns: Mapping[str, str],
    template: str,
    style: str,
    feedback: str,
    business: str = "",
) -> Prompt:
    """Return the prompt for a page.

    The prompt comes from the first property with words: `prompt`, `post` or title.  The
    property `prompt` is used as written; a post or title gives what our rule finds in
    it, behind the owner's feedback and style.

    Args:
        business: What is known of the owner's business.
    """
    origin, words = choose_words(page_prompt, post, title)
    if not words:
        return Prompt(text="", origin=origin)
    style, feedback = style.strip(), feedback.strip()
    filled = fill_template(template, _MARK, title.strip(), columns)
    as_written, part = _insert(filled, words, [], [style, feedback])
    if origin == "prompt":
        request = _hash_request(as_written)
        return Prompt(text=as_written, origin=origin, request=request, post_part=part)
    request = _hash_request(_join_sentences([as_written, _FORMER_END]))
    is_plain = not style and template.strip() == "{prompt}"
    end = [LOOK, SURFACES] if is_plain else [SURFACES]
    scene = describe_post(post, title, business)
    if filled.startswith(_MARK):
        scene = scene[:1].upper() + scene[1:]
    text, part = _insert(filled, scene, [feedback, style], end)
    # The owner's own parts are never cut, even if they are longer than that.
    if 0 < (over := len(text) - _LONGEST) < len(scene):
        scene, _ = truncate_text(scene, len(scene) - over)
        text, part = _insert(filled, scene, [feedback, style], end)
    return Prompt(text=text, origin=origin, request=request, post_part=part)


def _insert(
    filled: str, words: str, before: list[str], after: list[str]
) -> tuple[str, tuple[int, int]]:
    """Return the prompt with *words* in the place of the mark, and where they are."""
    head, _, tail = filled.partition(_MARK)
    if head == filled:
        words = ""
    body = head + words + tail.replace(_MARK, words)
    lead = _join_sentences([*before, body])
    start = len(lead) - len(body) + len(head)
    return _join_sentences([lead, *after]), (start, start + len(words))


def needs_writer(inputs: Inputs, settings: PromptSection) -> bool:
    """Return whether a prompt writer may write the prompt instead of our rule.

    It does not if the prompt is the owner's, or made of other properties alone.
    """
    is_own = inputs.origin == "prompt"
    return not is_own and uses_placeholder(settings.template, "prompt")


def frame_prompt(
    text: str, inputs: Inputs, settings: PromptSection
) -> tuple[str, tuple[int, int]]:
    """Return a written prompt as it is sent, and where *text* is in it.

    It is put into the owner's template, and the style follows.
    """
    title = inputs.title.strip()
    filled = fill_template(settings.template, _MARK, title, inputs.columns)
    return _insert(filled, text, [], [settings.style.strip()])


def choose_words(page_prompt: str, post: str, title: str) -> tuple[Origin, str]:
    """Return the property that the prompt comes from, and its cleaned words."""
    if own_prompt := page_prompt.strip():
        return "prompt", own_prompt
    if from_post := strip_social_markup(post):
        return "post", from_post
    return "title", strip_social_markup(title)


def _join_sentences(parts: list[str]) -> str:
    """Join sentences, with a full stop after a part that lacks one."""
    text = ""
    for part in filter(None, parts):
        if text and text[-1] not in ".!?…,;:":
            text += "."
        text += f" {part}" if text else part
    return text


def strip_social_markup(text: str) -> str:
    """Return *text* without links, @names, hashtags and emoji, on one line."""
    for pattern in (_LINK, _MENTION, _HASHTAG, _EMOJI_PARTS):
        text = pattern.sub(" ", text)
    without_symbols = "".join(
        " " if unicodedata.category(char) in _SYMBOLS else char for char in text
    )
    words = re.sub(r"\s+", " ", without_symbols).strip(" -\N{EN DASH}\N{EM DASH}|·•:,;")
    return words if any(char.isalnum() for char in words) else ""


def truncate_text(text: str, limit: int | None) -> tuple[str, bool]:
    """Return *text* cut to *limit* characters at a word, and whether it was cut."""
    if limit is None or len(text) <= limit:
        return text, False
    head = text[: limit + 1]
    space = head.rfind(" ")
    return head[: space if space > limit // 2 else limit].rstrip(), True


def fit_prompt(
    prompt: str, post_part: Sequence[int], limit: int | None
) -> tuple[str, bool]:
    """Return *prompt* within a service's limit, and whether it was cut.

    Feedback, style and template stay whole; the post's part is cut, at a word.

    Args:
        post_part: See `Inputs`.
    """
    if limit is None or len(prompt) <= limit:
        return prompt, False
    start, end = post_part or (0, len(prompt))
    head, words, tail = prompt[:start], prompt[start:end], prompt[end:]
    room = limit - len(head) - len(tail)
    if room > 0:
        return head + truncate_text(words, room)[0] + tail, True
    # The owner's own parts alone are longer than the service accepts.
    return truncate_text(head.rstrip() + tail, limit)[0], True


def _hash_request(prompt: str) -> str:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
