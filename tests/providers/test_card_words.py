"""The words that a card takes from a post: whole, and nothing that says nothing."""

from __future__ import annotations

import pytest

from providers.card.card_text import prepare_text
from providers.card.language import guess_language
from providers.card.sentences import split_sentences
from tests.corpus import load_corpus


def _shown(post: str) -> str:
    return "\n".join(prepare_text(post).paragraphs).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("post", "stars"),
    [
        ("***** Anna loved it", "★★★★★ Anna loved it"),
        ("⭐️⭐️⭐️⭐️⭐️\nAnna loved it", "★★★★★\nAnna loved it"),
        ("⭐️x5 from Anna", "★★★★★ from Anna"),
        ("5 x ⭐ from Anna", "★★★★★ from Anna"),
        ("★★★★☆ from Anna", "★★★★☆ from Anna"),
        ("Rated 4.9/5 ⭐ by you", "Rated 4.9/5 ⭐ by you"),
        ("**Great** ⭐ day", "Great ⭐ day"),
        ("One\n***\nTwo", "One\nTwo"),
    ],
)
def test_all_stars_of_a_rating_are_shown(post: str, stars: str) -> None:
    assert _shown(post) == stars


@pytest.mark.parametrize(
    ("post", "marks"),
    [
        ("We do:\n✅ One\n✅ Two", ["", "✓", "✓"]),
        ("How:\n1️⃣ One\n2️⃣ Two\n🔟 Ten", ["", "1.", "2.", "10."]),
        ("How:\n① One\n② Two", ["", "1.", "2."]),
        ("➡️ One\n👉 Two", ["•", "•"]),
        ("How:\n1. One\n\n2. Two", ["", "1.", "2."]),
        ("Hours\n📍 Main Street 5\n📞 030 1234", ["", "📍", "📞"]),
        ("Yes:\n✅ One\n❌ Two", ["", "✓", "✗"]),
        ("- One\n- Two", ["•", "•"]),
        # No lists: a date, an author, sentences that begin with an emoji.
        ("3. März: zu\n4. März: offen", ["", ""]),
        ("“Rest well, then go on.” and more\n— Anna", ["", ""]),
        ("✅ We are open!", [""]),
        ("🎉 We are open!\n\n☕ Come by.", ["", ""]),
        ("1️⃣ One\n2️⃣ Two\n👉 Book now", ["1.", "2.", ""]),
    ],
)
def test_marks_of_lists_are_recognised(post: str, marks: list[str]) -> None:
    assert [line.mark for line in prepare_text(post).lines] == marks


def test_a_list_is_shown_whole_or_not_at_all() -> None:
    assert _shown("Tips:\n1. Eat\n2. Sleep\n\nBye!") == "Tips:\n1. Eat\n2. Sleep"
    long = "\n".join(f"• {name} has a long story" for name in "ABCDEFGHIJ")
    assert _shown(f"Ten friends\n{long}") == "Ten friends"


@pytest.mark.parametrize(
    ("post", "shown"),
    [
        ("Call 030 1234 or book at https://x.example/b", "Call 030 1234"),
        ("Come by. Tickets: https://x.example/t", "Come by."),
        ("Come by! Mehr unter www.x.example/t.", "Come by!"),
        ("Main St 7 · Tickets: https://x.example/t", "Main St 7"),
        ("Book your table at https://x.example/t!", "Book your table!"),
        ("Buy at https://shop.example/a and save.", "Buy at shop.example and save."),
        ("Hello. Order at https://bit.ly/a and save.", "Hello."),
        ("Visit www.example.com!", "Visit example.com!"),
        ("新店开业。预约请访问 https://x.example/t", "新店开业。"),
        ("Read this: https://x.example/t and win", "Read this: x.example and win"),
    ],
)  # fmt: skip
def test_what_a_link_leaves_is_a_whole_clause(post: str, shown: str) -> None:
    assert _shown(post) == shown


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Ask Prof. Dr. Weber. He knows.", ["Ask Prof. Dr. Weber.", "He knows."]),
        ("Ab 3. März offen. Kommt!", ["Ab 3. März offen.", "Kommt!"]),
        ("Nur 12.–14. September. Kommt!", ["Nur 12.–14. September.", "Kommt!"]),
        ("z. B. Brot. Und Kuchen.", ["z. B. Brot.", "Und Kuchen."]),
        ("No. 5 is here. No. Really.", ["No. 5 is here.", "No.", "Really."]),
        ("餃子です。おいしい！", ["餃子です。", "おいしい！"]),
        ("घी के लड्डू। ताज़ा।", ["घी के लड्डू।", "ताज़ा।"]),
        ("چاول۔ گوشت۔", ["چاول۔", "گوشت۔"]),
        ('"Go." She went.', ['"Go."', "She went."]),
    ],
)
def test_a_full_stop_that_ends_no_sentence_is_known(
    text: str, sentences: list[str]
) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("post", "shown"),
    [
        (
            "It fits on a beer mat:\n\n```python\nfor guest in guests:\n```\n\nA loop.",
            ("It fits on a beer mat.", "A loop."),
        ),
        ("One loop\n~~~\nfor guest in guests: pass", ("One loop",)),
        ("```\nSoup 4 €\n```\nToday only", ("Today only",)),
        # It is all there is.
        ("```\nSoup of the day\n```", ("Soup of the day",)),
    ],
)
def test_code_is_no_prose(post: str, shown: tuple[str, ...]) -> None:
    assert prepare_text(post).paragraphs == shown


def test_a_short_answer_is_not_left_alone_at_the_end() -> None:
    post = "Is it true that we should all be eating less bread in our diet. No. "
    assert _shown(post + "Bread is a whole food and " * 4).endswith("diet.")


def test_a_greeting_alone_is_not_a_card() -> None:
    post = (
        "Dear all\n" + "we make bouquets of peonies, of sweet peas and of roses, " * 4
    )
    assert _shown(post).startswith("Dear all\nwe make bouquets")


@pytest.mark.parametrize(
    ("post", "shown"),
    [
        ("Don't miss it, it's the '90s", "Don’t miss it, it’s the ’90s"),
        ('He said "yes" to it', "He said “yes” to it"),
        ('Das ist "die Liebe" und nicht mehr', "Das ist „die Liebe“ und nicht mehr"),
        ("rock 'n' roll", "rock ’n’ roll"),
        ("5'10\" tall", "5′10″ tall"),
        ("Run it:\n```python\nbake()\n```\nEasy", "Run it.\nEasy"),
        ("Wash & cut ......... $38", "Wash & cut — $38"),
        ("Heute 16–18 °C, morgen 20°", "Heute 16–18 °C, morgen 20°"),
    ],
)
def test_typists_marks_become_typographers_marks(post: str, shown: str) -> None:
    assert _shown(post) == shown


@pytest.mark.parametrize(
    ("post", "shown", "emblem"),
    [
        ("New menu 🌮🌯: tacos", "New menu: tacos", ("🌮", "🌯")),
        ("We love 🍞 bread", "We love 🍞 bread", ()),
        ("Open now! 🎉🎊 Come by", "Open now! Come by", ("🎉", "🎊")),
        ("Fresh bread 👩🏽‍🍳", "Fresh bread", ("👩🏽‍🍳",)),
    ],
)
def test_emoji_at_the_edges_of_sentences_are_the_emblem(
    post: str, shown: str, emblem: tuple[str, ...]
) -> None:
    assert _shown(post) == shown
    assert prepare_text(post).emblem == emblem


def test_the_corpus_languages_are_guessed() -> None:
    guessed = {"en", "de", "fr", "es", "it", "pt", "pl", "ro", "nl", "hu", "ru", "uk"}
    posts = [post for post in load_corpus().values() if post.language in guessed]
    wrong = {p.name: p.language for p in posts if guess_language(p.post) != p.language}
    assert wrong == {}
