"""What the pretend language model writes: a picture for each subject of the demo.

Each has two ideas for a prompt, so that a repetition differs, and an alt text in the
language of the demo's post.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idea:
    """A subject and its pictures.

    Attributes:
        words: What a post about it says, as a regular expression.
        prompts: Descriptions of pictures, in English.
        alt: What the pictures show, in the language of the demo's post.
    """

    words: str
    prompts: Sequence[str]
    alt: str


_IDEAS: Sequence[Idea] = (
    Idea(
        r"jollof|\brice\b|reis|arroz",
        (
            "A wide clay bowl of glossy red jollof rice with fried plantain slices and a sprig of thyme, beside it a smaller bowl of golden fried rice with peas, on a dark wooden table, steam rising, warm evening light from the left, seen from slightly above",
            "Two iron pans on a gas stove, red jollof rice in the front one and fried rice with vegetables behind it, a wooden spoon lifting a portion, steam in warm kitchen light, close view, soft background",
        ),
        "Two bowls of rice, red jollof and golden fried rice, steaming on a dark wooden table.",
    ),
    Idea(
        r"focaccia|rosemary|herbs?\b|kräuter|garden|garten",
        (
            "A golden rosemary focaccia with coarse salt on a wooden board among pots of fresh green herbs, dew on the leaves, a sunlit back garden with a brick wall, spring morning light, close view",
            "A row of terracotta pots with rosemary, thyme and sage on a sunny stone step, a linen cloth with warm focaccia in front, soft green background, fresh morning light",
        ),
        "Rosemary focaccia with coarse salt on a board among pots of fresh herbs.",
    ),
    Idea(
        r"桜|sakura|cherry blossom",
        (
            "A ceramic cup of pale pink sakura latte with delicate foam on a light wooden tray, a branch of cherry blossom beside it, petals on the table, soft daylight from a window, calm pale background",
            "A glass of layered pink and white sakura latte beside a small dish of salted cherry blossoms, a quiet cafe table by a window with blossoming trees outside, soft spring light",
        ),
        "木のトレイに載った淡い桃色の桜ラテと、そばに置かれた桜の枝。",
    ),
    Idea(
        r"caf[eé]\b|coffee|kaffee|قهوة|コーヒー|barista",
        (
            "A white cup of fresh black coffee with fine crema on a worn wooden counter, a basket of warm bread behind it, steam curling in the first sunlight, roasted beans scattered beside the saucer, close view",
            "A hand pouring coffee from a copper pot into a small glass cup, fresh flat bread on a plate beside it, warm morning sun across a tiled table, shallow depth of field",
        ),
        "",
    ),
    Idea(
        r"market|markt|mercado|honey|honig|cheese",
        (
            "A market stall under a striped awning with jars of amber honey, wheels of cheese and a woven basket of bread, an accordion resting on a stool beside it, morning sun on cobblestones, blurred shoppers behind",
            "Golden honeycomb and three wheels of farm cheese on straw at an open air market, a knife and a linen cloth beside them, warm low sun, rows of stalls soft in the background",
        ),
        "A market stall with jars of honey, wheels of cheese and bread in the morning sun.",
    ),
    Idea(
        r"\bmeer\b|\bsee\b|beach|strand|sommerpause|\bsea\b|playa",
        (
            "A straw hat and a folded linen towel on a wooden beach chair facing a calm blue sea, gentle waves, a small sailing boat near the horizon, bright summer light, wide clear sky above",
            "Bare footprints in wet sand leading toward a calm turquoise sea, a wicker basket on a striped blanket in the foreground, bright summer afternoon, wide clear sky",
        ),
        "Ein Strohhut auf einem Liegestuhl am ruhigen blauen Meer, am Horizont ein Segelboot.",
    ),
    Idea(
        r"\bstars?\b|\bnight|nacht|sleeps",
        (
            "A kitchen window at night with a bowl of rising dough under a cloth on the sill, a dark sky full of stars above sleeping roofs, one warm lamp glowing inside, quiet blue light",
            "A baker's hands shaping dough on a floured table beside a dark window, stars above the roofs outside, a single warm lamp, deep blue shadows",
        ),
        "A bowl of rising dough at a kitchen window, stars above the roofs outside.",
    ),
    Idea(
        r"\btrees?\b|\bbaum|plant a|árbol",
        (
            "A young oak sapling in dark soil with two hands pressing the earth around its stem, an old broad oak in soft focus behind it, low golden light across a meadow, open pale sky above",
            "An old oak alone on a hill with a small sapling growing in its shade, morning mist in the valley, soft golden light, wide quiet sky",
        ),
        "Two hands plant an oak sapling, with an old oak behind it in golden light.",
    ),
    Idea(
        r"\bbread\b|\bbrot\b|bakery|bäcker|sourdough|\bpan\b|loaf|loaves",
        (
            "Round sourdough loaves with cracked floury crusts fresh from a stone oven on a wooden rack, flour dust in the warm light of dawn, a linen cloth at the edge, close view, dark soft background",
            "A baker's floured hands lifting a dark crusty loaf from a wooden peel in front of a glowing oven, sparks of flour in warm light, shallow depth of field",
        ),
        "Round sourdough loaves fresh from the oven on a wooden rack in warm dawn light.",
    ),
    Idea(
        r"\bopen\b|geöffnet|abierto|come in|warm inside",
        (
            "The half open wooden door of a small bakery on a cold grey morning, warm golden light falling onto the wet pavement, baskets of bread visible inside, inviting and quiet",
            "A bakery window glowing warm at dusk with loaves stacked behind the glass, a wooden door standing ajar, wet cobblestones reflecting the light",
        ),
        "The open door of a small bakery, warm light falling onto the wet pavement.",
    ),
    Idea(
        r"neighbours?|learned|things",
        (
            "Three round loaves side by side on a long wooden table, a kettle and a few cups beside them, neighbours' hands reaching in from the edges, soft afternoon light, seen from above",
            "An old wooden bench outside a bakery with a basket of three loaves on it, ivy on the wall, quiet late afternoon sun, wide calm space beside it",
        ),
        "Three round loaves on a long table, hands reaching in from the edges.",
    ),
)
_OTHERWISE = Idea(
    "",
    (
        "A tidy wooden shop counter with fresh goods in baskets and a vase of wild flowers, soft morning light from a side window, warm natural colours, calm plain wall behind",
        "Two hands arranging fresh goods on a wooden table beside a window, soft daylight, warm natural colours, quiet background",
    ),
    "",
)


def find_idea(post: str) -> Idea:
    """Return the idea for the subject that a post names first, or one for any shop."""
    found = [
        (match.start(), number)
        for number, idea in enumerate(_IDEAS)
        if (match := re.search(idea.words, post, re.IGNORECASE))
    ]
    return _IDEAS[min(found)[1]] if found else _OTHERWISE
