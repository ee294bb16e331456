"""Prompts: what our own rule says of the corpus, what is sent, what a limit cuts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.model import CardSection, Options, WriterSection
from daemon.delivery.page_change import alt_text_for_prompt
from daemon.jobs.inputs import business_of
from daemon.jobs.prompt import (
    Inputs,
    Prompt,
    build_prompt,
    fit_prompt,
    truncate_text,
)
from daemon.jobs.prompt_rule import describe_post
from tests.corpus import CorpusPost, load_corpus

_PINNED = tomllib.loads(
    (Path(__file__).parents[2] / "corpus/prompts.toml").read_text(encoding="utf-8")
)
_END = "Photograph in natural light. Clean, unmarked surfaces."


def _build(**more: str) -> Prompt:
    fields = {
        "page_prompt": "",
        "post": "",
        "title": "",
        "template": "{prompt}",
        "style": "",
        "feedback": "",
        **more,
    }
    return build_prompt(columns={"Place": "Lagos"}, **fields)


def _build_for(post: CorpusPost) -> Prompt:
    return _build(
        post=post.post,
        title=post.title,
        style=post.style,
        feedback=post.feedback,
        business=f"{post.brand} {post.tag}",
    )


@pytest.mark.parametrize("post", load_corpus().values(), ids=lambda post: post.name)
def test_the_rule_says_what_can_be_painted(post: CorpusPost) -> None:
    built = _build_for(post)

    # Reviewed by eye; a change of the rule is a change of this file.
    assert built.text == _PINNED[post.name]
    assert len(built.text) <= 1000
    first, last = built.post_part
    shown = built.text[first:last]
    owners = [part for part in (post.feedback, post.style) if part]
    assert built.text.startswith(". ".join(owners))
    assert built.text.endswith("Clean, unmarked surfaces.")
    # Nothing that comes out as lettering, and no script that FLUX has not learnt.
    assert not re.search(r"[\d\"“”„«»#@$€£%:!?]|http|www|\.\w", shown)
    assert shown.replace("é", "e").isascii()
    assert not re.search(r"\b(?:no|not|never|without|you|\w+n't)\b", shown.lower())
    assert 3 <= len(shown.split()) <= 45
    alt = alt_text_for_prompt(shown, post.post)
    assert alt.startswith(shown[:40])
    assert len(alt) <= 250


@pytest.mark.parametrize(
    ("brand", "tag", "known"),
    [
        ("A village bakery. Never cars.", "Oven & Oak", "A village bakery Oven & Oak"),
        ("A bakery with an oven, no meat, no fish", "", "A bakery with an oven,"),
        ("Bäckerei ohne Kuchen", "", "Bäckerei"),
        ("", "Oven & Oak", "Oven & Oak"),
    ],
)
def test_what_is_known_of_a_business_is_what_it_is(
    brand: str, tag: str, known: str
) -> None:
    """The brand also says what images should not show."""
    options = Options(writer=WriterSection(brand=brand), card=CardSection(tag=tag))
    assert business_of(options) == known


def test_every_post_has_a_pinned_prompt() -> None:
    assert _PINNED.keys() == load_corpus().keys()


@pytest.mark.parametrize(
    ("given_words", "sent"),
    [
        ({"page_prompt": " A cat #1 @home "}, "A cat #1 @home"),
        ({"title": "Soup"}, f"A bowl of creamy soup. {_END}"),
        ({"post": "#only", "title": "Soup"}, f"A bowl of creamy soup. {_END}"),
        ({"post": "A lighthouse at dusk"}, f"A lighthouse at dusk. {_END}"),
        ({"post": "", "title": "🎂"}, ""),
        (
            {"page_prompt": "A cat", "style": "oil", "feedback": "less blue"},
            "A cat. oil. less blue",
        ),
        (
            {"post": "Soup!", "style": "oil", "feedback": "less blue"},
            "less blue. oil. A bowl of creamy soup. Clean, unmarked surfaces.",
        ),
        (
            {"page_prompt": "A cat", "template": "{prompt} in {column:Place}, {title}"},
            "A cat in Lagos,",
        ),
        (
            {"post": "Soup!", "template": "Pastel of {prompt} in {column:Place}"},
            "Pastel of a bowl of creamy soup in Lagos. Clean, unmarked surfaces.",
        ),
        ({"page_prompt": "{title} stays", "title": "T"}, "{title} stays"),
    ],
)
def test_what_is_sent(given_words: dict[str, str], sent: str) -> None:
    assert _build(**given_words).text == sent


@pytest.mark.parametrize(
    ("post", "shown"),
    [
        # Numbers leave with the words that lead to them, a day with its own.
        (
            "Our dough rests for 36 hours on Friday beside three loaves of bread.",
            "the dough rests beside three loaves of bread",
        ),
        # A clause that talks to the reader, or negates, is left out.
        (
            "The bread is cooling on the rack, so don't touch it, and the cat watches.",
            "The bread is cooling on the rack, and the cat watches",
        ),
        # News of a thing is the thing; of a place, what is there.
        (
            "Our pumpkin soup is back on the menu, with seeds and sage butter.",
            "the pumpkin soup with seeds and sage butter",
        ),
        (
            "The harbour market has finally returned: oysters, lemons and wine.",
            "oysters, lemons and wine by the sea",
        ),
        (
            "Rainy day? We’ve got hot chocolate, board games and a fireplace.",
            "hot chocolate, board games and a fireplace",
        ),
        (
            "We bake rye bread with caraway, the way my mother did.",
            "rye bread with caraway",
        ),
        # A label says less than what is behind it; a number leaves whole English.
        (
            "Before and after: a 1962 oak armchair on the workbench of our hall.",
            "an oak armchair on the workbench of the hall",
        ),
        (
            "The best seat in the house is by the stove on a rainy Tuesday.",
            "The best seat in the house is by the stove on a rainy day",
        ),
        # Pride and joy are no scenes.
        (
            "We are so proud of our apprentice, who passed the exam of the guild!",
            "an inviting small shop with daylight through its window",
        ),
        # Speech is not a scene; what it names is.
        (
            "“The best thing I ever did was to buy that old bicycle of yours.”",
            "a bicycle leaning against a wall",
        ),
        # An offer is passed over; so are code, links and the table below.
        (
            "30% off all bread, code RYE30!\n```\nbread = 1\n```\nRye ..... $4",
            "rustic loaves of bread with a golden crust",
        ),
        # A mourning post is sober, whatever else it names.
        (
            "We mourn our baker. The bread on the shelf of the shop was his.",
            "white lilies on a dark table in quiet window light",
        ),
        # Emoji that the file does not know are read by their names.
        ("Приходите! 🦒", "a giraffe"),
        # A script that says nothing to the model is not sent.
        ("Жду вас", "an inviting small shop with daylight through its window"),
        # An ending is no beginning: "ים" ends every plural of Hebrew.
        ("סנדלים", "an inviting small shop with daylight through its window"),
        # Words that differ in an accent, a case or a dot alone are the same.
        ("ΨΩΜΊ ζεστό", "rustic loaves of bread with a golden crust"),
        ("KİTAP", "a stack of well-read books"),
    ],
)
def test_how_the_rule_reads_a_post(post: str, shown: str) -> None:
    assert describe_post(post, "", "") == shown


@pytest.mark.parametrize(
    ("post", "business", "shown"),
    [
        ("We're hiring! Apply by 3 May.", "Blumen Weber", "seasonal flowers in"),
        ("We're hiring! Apply by 3 May. 🍞", "Blumen Weber", "rustic loaves of bread"),
        # A place of business is shown with what is made there.
        ("We’re open. Come in!", "a village bakery", "rustic loaves of bread with a"),
        # A thing is where the post says, else where such things are, else at home.
        ("Унылый пёс", "a village bakery", "a happy dog on a lawn"),
        ("Пёс на пляже", "a village bakery", "a happy dog by the sea"),
        (
            "Кофе!",
            "a village bakery",
            "a cup of fresh coffee with rising steam in a warm",
        ),
        # What is part of another is not shown again.
        ("ต้มยำกุ้ง กุ้งแม่น้ำ", "", "a pot of spicy tom yum soup with prawns"),
    ],
)
def test_what_is_shown_with_a_post(post: str, business: str, shown: str) -> None:
    assert describe_post(post, "", business).startswith(shown)


@given(st.text(max_size=300), st.integers(1, 100))
def test_a_prompt_is_cut_within_its_limit(text: str, limit: int) -> None:
    short, was_cut = truncate_text(text, limit)
    assert len(short) <= limit
    assert text.startswith(short)
    assert was_cut == (len(text) > limit)


_WORDS = st.text("abc ,", min_size=1, max_size=40).map(str.strip).filter(bool)


@given(_WORDS, _WORDS, _WORDS, st.integers(1, 200))
def test_a_limit_cuts_the_post_alone(
    owners: str, style: str, feedback: str, limit: int
) -> None:
    built = _build(
        page_prompt=f"{owners} " * 5,
        style=style,
        feedback=feedback,
        template="A {prompt}",
    )
    sent, was_cut = fit_prompt(built.text, built.post_part, limit)

    first, last = built.post_part
    head, tail = built.text[:first], built.text[last:]
    assert len(sent) <= limit
    assert was_cut == (len(built.text) > limit)
    if limit > len(head) + len(tail):
        assert sent.startswith(head)
        assert sent.endswith(tail)


def test_a_prompt_from_a_post_is_at_most_1000_characters() -> None:
    style = "x" * 940
    built = _build(post="Soup!", style=style, feedback="less blue")

    scene = "A bowl of creamy"
    assert built.text == f"less blue. {style}. {scene}. Clean, unmarked surfaces."
    # The owner's own parts are never cut.
    assert style * 2 in _build(post="Soup!", style=style * 2).text


def test_inputs_of_an_earlier_version_ask_for_the_same() -> None:
    """Version 0.1 stored the post's words, "No text, ..." behind them."""
    former = Inputs.from_dict(
        {
            "prompt": "Bread! oil. less blue. No text, no letters, no logo.",
            "origin": "post",
            "words": "Bread! 🍞",
            "title": "",
            "format": "square",
            "variants": 1,
            "feedback": "less blue",
        }
    )
    fields = {"post": "Bread! 🍞", "style": "oil", "feedback": "less blue"}

    assert former.request == _build(**fields).request
    assert former.request != _build(**fields | {"feedback": ""}).request
    assert former.request != _build(**fields | {"style": "ink"}).request
    assert fit_prompt(former.prompt, former.post_part, 20) == ("Bread! oil. less", True)


def test_inputs_of_a_later_version_are_read_without_what_it_added() -> None:
    values = {
        "prompt": "Bread",
        "origin": "post",
        "words": "Bread.",
        "title": "A",
        "format": "square",
        "variants": 1,
        "feedback": "",
    }
    inputs = Inputs.from_dict(values)
    assert Inputs.from_dict({**inputs.to_dict(), "mood": "sober"}) == inputs
