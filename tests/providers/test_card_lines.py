"""Where the lines of a card end: where a reader does not stumble."""

from __future__ import annotations

import pytest

from providers.card import fonts
from providers.card.card_text import prepare_text
from providers.card.hyphenation import divide_words
from providers.card.line_ends import hold_together
from providers.card.lines import typeset
from providers.card.phrases import split_phrases
from tests.corpus import load_corpus

#: What a line of no script begins or ends with.
NO_START = set(
    "、。，．・：；？！々ー）」』】ぁぃぅぇぉっゃゅょァィゥェォッャュョ%‰°:;!?»,.)]ๆ"
)
NO_END = set("（「『【([{«„#№&")


def _lines(text: str, width: float = 880, largest: int = 120) -> tuple[str, ...]:
    base = fonts.choose_base_font(text, shouted=False, own=None)
    setting = typeset(
        text.split("\n"), base, width=width, height=850, largest=largest, smallest=38
    )
    assert setting is not None
    return setting.lines


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Jetzt 25 % Rabatt", "25_%"),
        ("nur 500 g Mehl", "500_g"),
        ("only $ 15 today", "$_15"),
        ("45 € a testa", "45_€"),
        ("7 500 zł netto", "7_500_zł"),
        ("call +7 (900) 000-00-00 now", "+7_(900)_000-00-00"),
        ("oder 0212 000 00 00 anrufen", "0212_000_00_00"),
        ("schon am 3. März da", "3._März"),
        ("on March 3 at noon", "March_3"),
        ("el 20 de septiembre", "20_de_septiembre"),
        ("dès 6 h 30 demain", "6_h_30"),
        ("open 8:00 am – 5:30 pm", "8:00_am_–_5:30_pm"),
        ("bei Prof. Dr. Weber zu", "Prof._Dr._Weber"),
        ("das ist z. B. gut", "z._B."),
        ("Horaires : lundi", "Horaires_:"),
        ("dit « Le plus beau »", "«_Le"),
        ("Grau & Sohn", "&_Sohn"),
        ("Łódź i okolice", "i_okolice"),
        ("bei 16–18 °C lagern", "16–18_°C"),
        ("Tel. 030 1234", "Tel._030_1234"),
    ],
)
def test_what_belongs_together_stays_together(text: str, held: str) -> None:
    words = hold_together(text).replace("\N{NO-BREAK SPACE}", "_").split(" ")
    assert held in words


def test_a_year_and_a_long_text_are_not_held() -> None:
    assert hold_together("in 2024 we") == "in 2024 we"
    digits = "1 2 3 4 5 6 7 8 9 10 11 12 13 14"
    assert hold_together(digits) == digits


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("大切なお知らせ", ["大切な", "お知らせ"]),
        ("手で包む、羽根つき餃子。", ["手で", "包む、", "羽根つき餃子。"]),
        ("11月4日(火)は休業", ["11月4日(火)は", "休業"]),
        ("我们的面馆", ["我们的", "面馆"]),
        ("满两盒包邮", ["满两盒", "包邮"]),
        ("ราคา 299", ["ราคา 299"]),
    ],
)
def test_phrases_of_scripts_without_spaces(text: str, phrases: list[str]) -> None:
    assert [part for part, _ in split_phrases(text)] == phrases


def test_a_thai_word_that_ends_with_a_tone_mark_ends_no_clause() -> None:
    _, *parts = split_phrases("กุ้งแม่น้ำเผาตัวใหญ่ อร่อย")
    assert {penalty for part, penalty in parts if part != "อร่อย"} == {0.5}


@pytest.mark.parametrize("width", [640, 880, 1000])
def test_thai_lines_end_between_phrases_where_there_is_room(width: float) -> None:
    text = "น้ำข้น หอมตะไคร้ ใบมะกรูด เผ็ดกำลังดี กุ้งตัวใหญ่ เต็มหม้อ"
    lines = _lines(text, width)
    assert len(lines) > 1
    assert " ".join(lines) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ご予約は TEL 03-0000-0000 まで。", "03-0000-0000"),
        ("有意者请致电010-00000000找陈姐", "010-00000000"),
        ("โทรจองโต๊ะ 02-000-0000 ทุกวัน", "02-000-0000"),
        ("毎日11:30/17:00からの営業です", "11:30/17:00"),
    ],
)
def test_a_number_is_whole_in_scripts_without_spaces(text: str, number: str) -> None:
    assert any(number in part for part, _ in split_phrases(text))


@pytest.mark.parametrize("name", load_corpus())
def test_no_line_of_the_corpus_ends_or_begins_where_a_reader_stumbles(
    name: str,
) -> None:
    text = "\n".join(prepare_text(load_corpus()[name].post).paragraphs)
    for width in (620, 880):
        for line in _lines(text, width):
            assert line[0] not in NO_START
            assert line[-1] not in NO_END
            assert not line.endswith(("Dr.", " ·", " |"))


@pytest.mark.parametrize(
    ("divided", "language"),
    [
        ("Berufsunfähigkeits|versicherung", "de"),
        ("Kundenzufriedenheits|befragung:", "de"),
        ("Daten|schutz|grund|ver|ord|nung", "de"),
        ("Hoffest-|Wochenende,", "de"),
        ("asia|kas|pal|ve|lu|pääl|likkö", "fi"),
        ("Straße", "de"),
    ],
)
def test_long_words_are_divided_at_joints_or_syllables(
    divided: str, language: str
) -> None:
    word = divided.replace("|", "")
    assert "|".join(divide_words((word,), language)[word]) == divided


def test_a_compound_is_hyphenated_instead_of_set_small() -> None:
    word = "Donaudampfschifffahrtsgesellschaftskapitäne"
    lines = _lines(f"Für alle {word} und Lehrlinge")
    assert "".join(lines).replace("-", "").replace(" ", "") == (
        f"Füralle{word}undLehrlinge"
    )
    assert sum(line.endswith("-") for line in lines) in {1, 2, 3}
    # A word that fits is left whole.
    assert not any(line.endswith("-") for line in _lines("Unsere Öffnungszeiten"))


def test_a_word_without_syllables_is_broken_anywhere() -> None:
    assert len(_lines("x" * 200)) > 5
