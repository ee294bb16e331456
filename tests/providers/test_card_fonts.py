"""The fonts of a card: no letter is left out, no word is of two fonts."""

from __future__ import annotations

import shutil
import string
import unicodedata
from pathlib import Path

import pytest
from fontTools import subset
from fontTools.ttLib import TTFont

from providers.base import CardSettings, ImageRequest
from providers.card import font_files, fonts
from providers.card.compose import render_card
from providers.card.emoji import render_emoji, shown_emoji
from providers.card.graphemes import is_emoji, split_graphemes
from providers.outcomes import BadRequestError
from tests.corpus import load_corpus

#: Emoji that everyday posts of businesses have.
_EVERYDAY = (
    "😀😃😄😁😆😅😂🙂😉😊😍🥰😘😋😎🤩🥳🤔😢😭👍👏🙌🙏💪👋👉👇👀❤️🧡💛💚💙💜🖤🤍💕💯✨⭐🌟🔥💥🎉🎊🎁🎂🎈🏆🥇"
    "📣📢🔔📍📌📅🗓️⏰⌛📞☎️📱💻✉️📧📩🌐🔗🛒🛍️💳💰💶🏷️✅❌⚠️❗❓ℹ️➡️⬇️🆕🆓🔝▶️🍕🍔🌮🥗🍣🍜🍝🍰🧁🍩🍪🥐🥖🍞☕🍵🍺🍷🍹🥂"
    "🍎🍓🍇🍋🥑🍅🌶️🧀🥩🐟🦐🌸🌷🌹🌻🌿🍀🌳🍂🍁❄️☀️🌧️🌈🌊🏖️🏔️🚗🚲🚚✈️🏠🏡🏢🏥🏫🔧🔨🛠️🔑💡🔌🧹🧽🚿🛁🛋️✂️💇💅💄👗👟💍"
    "👶👧👦👩👨👵👴👪🐶🐱🐰🐝📚✏️🎨🎵🎸📷🎬⚽🏀🎾🏋️🧘🚴🏊🎓🩺💊🦷🪔🕯️🎄🎃🐣🧑‍🍳👩‍🌾👨‍💻🏳️‍🌈❤️‍🔥🇩🇪🇫🇷1️⃣🔟"
)


def _runs(text: str, own: str | None = None) -> list[tuple[str, str]]:
    base = fonts.choose_base_font(text, shouted=False, own=own)
    return [
        (run.text, Path(run.choice.path).name) for run in fonts.split_runs(text, base)
    ]


def _render(words: str, look: CardSettings | None = None) -> bytes:
    request = ImageRequest(prompt="", words=words, width=540, height=540, seed=1)
    return render_card(request, look or CardSettings())


@pytest.fixture
def _no_installed_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_files, "_installed_files", lambda: ())
    fonts.split_runs.cache_clear()
    fonts.width_at_100.cache_clear()


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("餃子と珈琲", "NotoSansJP-Bold-subset.ttf"),
        ("髙橋です", "NotoSansJP-Bold-subset.ttf"),
        ("똠얌꿍", "NotoSansKR-Bold-subset.ttf"),
        ("菠蘿包配絲襪奶茶", "NotoSansTC-Bold-subset.ttf"),
        ("我们在招人", "NotoSansSC-Bold-subset.ttf"),
        ("ŁÓDŹ № 5", "SourceSerif4-SemiBold.ttf"),
    ],
)
@pytest.mark.usefixtures("_no_installed_fonts")
def test_a_word_is_whole_and_of_one_font(text: str, font: str) -> None:
    assert _runs(text) == [(text, font)]


@pytest.mark.parametrize("name", load_corpus())
@pytest.mark.usefixtures("_no_installed_fonts")
def test_the_bundled_fonts_have_every_letter_of_the_corpus(name: str) -> None:
    text = " ".join(load_corpus()[name].post.split())
    shown = "".join(run for run, _ in _runs(text))
    letters = [char for char in text if unicodedata.category(char)[0] in "LMNP"]
    lost = {char for char in letters if shown.count(char) < text.count(char)}
    assert lost <= set("\ufe0f")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ສະບາຍດີ everyone", "U\\+0EAA, LAO LETTER SO SUNG.*fonts-noto-core"),
        ("𠮷野家です", "U\\+20BB7.*fonts-noto-cjk"),
        ("Bread ᚠ 5", "U\\+16A0, RUNIC.*fonts-noto-core"),
    ],
)
@pytest.mark.usefixtures("_no_installed_fonts")
def test_a_letter_that_no_font_has_makes_no_card(words: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        _render(words)


@pytest.mark.usefixtures("_no_installed_fonts")
def test_a_tag_with_a_letter_that_no_font_has_makes_no_card() -> None:
    with pytest.raises(BadRequestError, match="fonts-noto-core"):
        _render("Fresh bread", CardSettings(tag="ສະບາຍດີ"))


def test_an_installed_font_is_used_for_what_is_not_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = Path(font_files.SCRIPTS["HEBREW"].path)
    lao = _with_letters(bundled, tmp_path / "NotoSansLao-Bold.ttf", "ສະບາຍດີ")
    nastaliq = tmp_path / "NotoNastaliqUrdu-Bold.ttf"
    shutil.copy(font_files.SCRIPTS["ARABIC"].path, nastaliq)
    monkeypatch.setattr(
        font_files,
        "_installed_files",
        lambda: tuple((path.name, str(path)) for path in (lao, nastaliq)),
    )
    assert _runs("ສະບາຍດີ") == [("ສະບາຍດີ", lao.name)]
    assert {font for _, font in _runs("یہ اچھا ہے")} == {nastaliq.name}
    # Persian stays in Naskh.
    assert {font for _, font in _runs("سلام گل")} == {"NotoNaskhArabic-Bold.ttf"}


def _with_letters(source: Path, target: Path, letters: str) -> Path:
    """Write a font that has other letters under the glyphs it has."""
    with TTFont(source) as font:
        glyphs = list(font.getBestCmap().values())
        for letter, glyph in zip(sorted(set(letters)), glyphs, strict=False):
            for table in font["cmap"].tables:
                table.cmap[ord(letter)] = glyph
        font.save(target)
    return target


def test_a_font_of_the_owner_is_used_for_whole_words_of_every_script(
    tmp_path: Path,
) -> None:
    own = tmp_path / "Brand.ttf"
    options = subset.Options()
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=f" .,!ó{string.ascii_letters}")
    with subset.load_font(font_files.SANS.path, options) as font:
        subsetter.subset(font)
        subset.save_font(font, str(own), options)

    assert _runs("Witaj miły gościu nasz drogi, razem!", str(own)) == [
        ("Witaj ", "Brand.ttf"),
        ("miły gościu ", "SourceSerif4-SemiBold.ttf"),
        ("nasz drogi, razem!", "Brand.ttf"),
    ]
    # A script that it has not.
    assert _runs("我们", str(own)) == [("我们", "NotoSansSC-Bold-subset.ttf")]
    hebrew = tmp_path / "Hebrew.ttf"
    shutil.copy(font_files.SCRIPTS["HEBREW"].path, hebrew)
    assert _runs("שלום", str(hebrew)) == [("שלום", "Hebrew.ttf")]
    base = fonts.choose_base_font("שלום", shouted=False, own=str(hebrew))
    assert base.is_rtl


def test_every_everyday_emoji_is_bundled() -> None:
    missing = [one for one in split_graphemes(_EVERYDAY) if not shown_emoji(one)]
    assert missing == []
    assert all(map(is_emoji, split_graphemes(_EVERYDAY)))
    sized = render_emoji("👩‍🍳", 50)
    assert sized is not None
    assert sized.size == (50, 50)


@pytest.mark.parametrize(
    ("cluster", "shown"),
    [("👍🏽", "👍"), ("👩🏾‍🍳", "👩‍🍳"), ("👩‍🦖", "👩"), ("🏴‍🦖", ""), ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿")],
)
def test_an_emoji_is_neutral_or_the_first_of_a_sequence(
    cluster: str, shown: str
) -> None:
    assert shown_emoji(cluster) == shown


def test_an_emoji_or_ornament_without_a_glyph_goes_with_its_space() -> None:
    assert _runs("Hello \U0001faff world") == [
        ("Hello world", "SourceSerif4-SemiBold.ttf")
    ]
    assert _runs("Hello ⯰ world ⯰") == [("Hello world", "SourceSerif4-SemiBold.ttf")]
