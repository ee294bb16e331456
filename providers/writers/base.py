"""What goes into a prompt writer and comes out of it.  Pure.

A prompt writer is a language model that turns a post into an image prompt, a headline
and an alt text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from providers.base import Price, ProviderTraits
from providers.outcomes import Outcome, ProviderError
from providers.request_fitting import flat_price

#: Whether pictures may show people, with or without recognisable faces.
People: TypeAlias = Literal["yes", "no faces", "no"]
#: A larger number is not a price.
_MOST_DOLLARS = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingTask:
    """A post to write an image prompt for.  All texts are untrusted.

    Attributes:
        title: The page's title; may be empty.
        post: The text of the post; the title if it has none.
        brand: Who the owner is, and what pictures should and should not show.
        style: The owner's style, which the prompt is sent with.
        feedback: What a person wants to be different; revises the last of
            `previous_prompts`.
        previous_prompts: Earlier prompts of this post, oldest first; without feedback
            another idea is wanted.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        headline_space: Words will be laid over the image.
    """

    title: str
    post: str
    brand: str = ""
    people: People = "yes"
    style: str = ""
    feedback: str = ""
    previous_prompts: Sequence[str] = ()
    width: int
    height: int
    headline_space: bool = False


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """What a writer made of a post: untrusted text, cleaned and cut to its limits.

    Attributes:
        prompt: The image prompt, in English, without digits, quotes and negation.
        headline: At most 40 characters in the language of the post; may be empty.
        alt: At most 125 characters in the language of the post; may be empty.
    """

    prompt: str
    headline: str
    alt: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The tokens that a response says it is billed for."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        """Return the sum of both."""
        return TokenUsage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A writer's answer.

    Attributes:
        written: The prompt, or None if the answer is not usable.
        problem: What is wrong with an answer that is not usable, in a few words.
        text: The answer as it came, untrusted.
    """

    written: WrittenPrompt | None
    problem: str = ""
    text: str = field(default="", repr=False)
    usage: TokenUsage = TokenUsage()


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """What a model costs, in US dollars for a million tokens, and who says so."""

    input: float
    output: float
    source: str = ""

    def cost_of(self, usage: TokenUsage) -> float:
        """Return the price of *usage* in US dollars."""
        dollars = self.input * usage.input_tokens + self.output * usage.output_tokens
        return dollars / 1_000_000


def price_in_list(entry: Mapping[str, object], source: str) -> TokenPrice | None:
    """Return the price in an entry of a list of models, None if it has none.

    Hugging Face and Together state US dollars for a million tokens as numbers,
    OpenRouter for one token as texts.
    """
    pricing = entry.get("pricing")
    if not isinstance(pricing, dict):
        return None
    scale, names = 1.0, ("input", "output")
    if "prompt" in pricing:
        scale, names = 1e6, ("prompt", "completion")
    given, taken = (_dollars(pricing.get(name)) for name in names)
    if given is None or taken is None:
        return None
    return TokenPrice(scale * given, scale * taken, source)


def _dollars(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    with suppress(ValueError, OverflowError):
        if 0 <= (dollars := float(value)) < _MOST_DOLLARS:
            return dollars
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterTraits(ProviderTraits):
    """The constant properties of a writer, which breakers and budgets work on.

    `price` is that of a post of usual length in US dollars, whatever the megapixels;
    the writer sets it.

    Attributes:
        kind: A key of `writers.KINDS`.
        token_price: The price of the model; an assumption for an unknown model.
    """

    kind: str
    prefix: str = "writer"
    price: Price = field(default=flat_price(0.0), repr=False)
    timeout: float = 20.0
    token_price: TokenPrice = TokenPrice(0.0, 0.0)


class InvalidTextError(ProviderError, outcome=Outcome.INVALID_TEXT):
    """A writer's 2xx whose answer is not usable, repaired or not."""
