"""The structure of a post is recognized by its lines, in any language."""

from __future__ import annotations

import pytest

from providers.card.colour import illegible_contrast
from providers.card.content import as_statement
from providers.card.event_structure import find_dates, find_time
from providers.card.mood import find_mood
from providers.card.structure import recognize_content
from tests.corpus import load_corpus

#: The layout of posts of the corpus that are not what their kind says.
_OTHERWISE = {
    # A kind of its own in the corpus, but a list or a table in form.
    **dict.fromkeys(("elektriker", "hydraulik", "tawzif", "zhaopin"), "list"),
    # The date is inside a sentence.
    **dict.fromkeys(("fietsen", "kofeinya"), "statement"),
}


@pytest.mark.parametrize("name", load_corpus())
def test_a_post_of_the_corpus_gets_the_layout_of_its_kind(name: str) -> None:
    post = load_corpus()[name]
    kinds = {"quote", "review", "versus", "list", "table", "event"}
    expected = post.kind if post.kind in kinds else "statement"
    expected = "table" if post.kind == "hours" else expected
    assert recognize_content(post.post).layout == _OTHERWISE.get(name, expected)


@pytest.mark.parametrize(
    ("post", "rows"),
    [
        ("Hours\nMon: 9:00–17:00\nSun: closed\nSat: 9:00–12:00", 3),
        ("Menu\nSoup ....... 4,50 €\nCake ....... on request\nTea ..... 2 €", 3),
        ("Mittagskarte\n- Linsensuppe 5,50 €\n- Käsespätzle 9,80 €", 2),
        ("18:00 Doors\n19:30 Concert\n22:00 Party", 3),
        ("Tips\n- Drink 2 litres\n- Sleep well\n- Walk 10 km", 0),
        # A row of another form: the table would not be complete.
        ("Prices\nWash: $12\nCut: $38\nColour on request", 0),
        ("Call us\nShop: 030 23125 014\nOffice: 030 23125 015", 0),
    ],
)
def test_a_table_is_lines_of_label_and_measure(post: str, rows: int) -> None:
    assert len(recognize_content(post).rows) == rows


@pytest.mark.parametrize(
    ("post", "marks"),
    [
        ("Book:\n1. Call\n2. Come by", ["1.", "2."]),
        ("Book:\n1️⃣ Call\n2️⃣ Come by", ["1.", "2."]),
        ("You get:\n✅ Oil\n✅ Brakes", ["✓", "✓"]),
        ("We need:\n👉 a cook\n👉 a waiter", ["", ""]),
        ("We have:\nSoup\nBread\nCheese", ["", "", ""]),
        # Two lists are not one.
        ("Pros\n- cheap\n- fast\nCons\n- loud\n- far", []),
    ],
)
def test_a_list_keeps_its_marks(post: str, marks: list[str]) -> None:
    assert [item.mark for item in recognize_content(post).items] == marks


@pytest.mark.parametrize(
    ("post", "date", "details"),
    [
        (
            "Summer concert\n📅 Saturday, 14 June, 7 pm\n📍 Old Town Hall",
            ("14", "June"),
            ("Saturday · 7 pm", "Old Town Hall"),
        ),
        (
            "Weinprobe\nFreitag, 3. März 2027, 19:00 Uhr\nOrt: Stadthalle",
            ("3", "März"),
            ("Freitag · 19:00 Uhr", "Stadthalle"),
        ),
        ("新店開幕！11月8日 上午10時", ("8", "11月"), ("上午10時",)),
        ("Open on 14 June from 7 pm, when the sun goes down again over us.", None, ()),
        ("25 % off until 14 June", None, ()),
    ],
)
def test_an_event_has_a_date_and_a_time(
    post: str, date: tuple[str, str] | None, details: tuple[str, ...]
) -> None:
    content = recognize_content(post)
    assert (content.date if content.layout == "event" else None) == date
    assert content.details == details


@pytest.mark.parametrize("text", ["5 marathons", "24/7", "3 apricots", "9.30 Uhr"])
def test_what_is_not_a_date(text: str) -> None:
    assert find_dates(text) == []


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("um 19:00–22:00 Uhr", "19:00–22:00 Uhr"),
        ("ore 20", "ore 20"),
        ("5–10 pm", "5–10 pm"),
        ("de 11:00 a 14:00 h", "11:00 a 14:00 h"),
        ("room 12", None),
    ],
)
def test_a_time_is_found_with_its_span(text: str, time: str | None) -> None:
    found = find_time(text)
    assert (found[0] if found else None) == time


@pytest.mark.parametrize(
    ("post", "sides"),
    [
        ("Jollof or fried rice? Tell us!", ("Jollof", "or", "fried rice?")),
        ("Team Kaffee oder Team Tee?", ("Team Kaffee", "oder", "Team Tee?")),
        ("咖啡还是茶？", ("咖啡", "还是", "茶？")),
        ("Sun / rain", ("Sun", "/", "rain")),
        ("Do you really like coffee or tea?", ("", "", "")),
        ("Bread and/or cake, as you like.", ("", "", "")),
    ],
)
def test_a_choice_has_two_short_sides(post: str, sides: tuple[str, str, str]) -> None:
    assert recognize_content(post).sides == sides


@pytest.mark.parametrize(
    ("post", "stars", "author"),
    [
        ("⭐⭐⭐⭐⭐ “Best haircut I ever had.” – Anna M.", (5, 5), "Anna M."),
        ("★★★★☆ Great coffee, a bit noisy. – Tom B.", (4, 5), "Tom B."),
        (
            "★★★★★ « Prête à midi, enfin. »\n\nKarim B.",
            (5, 5),
            "Karim B.",
        ),
        ("⭐⭐⭐⭐⭐⭐⭐ Seven years of us!", (0, 0), ""),
    ],
)
def test_a_review_keeps_all_stars_and_the_name(
    post: str, stars: tuple[int, int], author: str
) -> None:
    content = recognize_content(post)
    assert (content.stars, content.words.author) == (stars, author)


def test_a_heading_alone_does_not_announce_what_is_not_there() -> None:
    content = recognize_content("New in town. We offer:\n- bread\n- cake")
    # It does above its list.
    assert content.words.paragraphs == ("New in town. We offer:",)
    assert as_statement(content).words.paragraphs == ("New in town.",)
    # A title has no colon, and says without its list that there is more.
    content = recognize_content("Your dog needs:\n- a collar\n- a chip")
    assert content.words.paragraphs == ("Your dog needs",)
    assert as_statement(content).words.paragraphs == ("Your dog needs\xa0…",)


@pytest.mark.parametrize("name", load_corpus())
def test_mourning_and_closures_are_sober_and_sales_lively(name: str) -> None:
    post = load_corpus()[name]
    mood = find_mood(post.post)
    assert (mood == "sober") == (post.kind in {"condolence", "closure"})
    assert mood == "lively" or post.kind != "sale"


@pytest.mark.parametrize(
    "post", ["Ein Vertrouwen, absoluto!", "Zutritt eingeschlossen", "Voor elke vrouw"]
)
def test_parts_of_words_are_not_sober(post: str) -> None:
    assert find_mood(post) == "calm"


def test_common_brand_colours_keep_their_white_letters() -> None:
    for background in ("#1877f2", "#e4405f", "#0a66c2", "#d62828", "#f26722"):
        assert illegible_contrast(background, "#ffffff") is None
    assert illegible_contrast("#ffd400", "#ffffff") == pytest.approx(1.42, abs=0.05)
