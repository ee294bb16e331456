"""The content of the demo's database: a dozen posts of a small bakery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TITLE = "Oven & Oak: posts"

COLUMNS: Mapping[str, str | Sequence[str]] = {
    "Name": "title",
    "Post": "rich_text",
    "Image": "files",
    "Regenerate": "checkbox",
    "Image status": "select",
    "Image note": "rich_text",
    "Image provider": "select",
    "Image details": "rich_text",
    "Alt text": "rich_text",
    "Image prompt": "rich_text",
    "Image feedback": "rich_text",
    "Prompt used": "rich_text",
    "Headline": "rich_text",
    "Format": ("select", "square", "portrait", "landscape", "story"),
    "Date": "date",
}
#: More columns of the demo, which let a person choose one of several images.
CHOICE_COLUMNS: Mapping[str, str | Sequence[str]] = {
    "Variants": "number",
    "Pick": "number",
}

POSTS: Sequence[Mapping[str, str]] = (
    {
        "Name": "Jollof or fried rice?",
        "Post": "Jollof or fried rice? 🍚 We are cooking both on Friday. Tell us below! "
        "👇 #FoodLovers #FridayKitchen",
    },
    {
        "Name": "Ten years",
        "Post": "Our little bakery turned ten this week, and we still get up at three "
        "in the morning, because bread that has not slept is not bread. Thank you to "
        "everyone who queued in the rain.",
    },
    {
        "Name": "Market day",
        "Post": "Market day is back on Saturday, with honey, cheese and the loudest "
        "accordion in town. https://example.org/market",
    },
    {
        "Name": "A word about patience",
        "Post": "“The best time to plant a tree was twenty years ago. The second best "
        "time is now.” — Chinese proverb",
        "Format": "portrait",
    },
    {
        "Name": "Sommerpause",
        "Post": "Wir machen Sommerpause! Ab Montag sind wir am Meer, und der Ofen "
        "bleibt kalt. Bis zum 15. August! 🌊",
    },
    {
        "Name": "Café nuevo",
        "Post": "¿Has probado ya nuestro nuevo café de Colombia? ☕ Ven a desayunar con "
        "nosotros este domingo.",
    },
    {"Name": "We’re open", "Post": "We’re open. Come in, it is warm inside."},
    {
        "Name": "桜ラテ",
        "Post": "今日から季節限定の桜ラテが始まります。ぜひお試しください！🌸 #カフェ",
    },
    {
        "Name": "Night shift",
        "Post": "While the town sleeps, the dough does not. A short night with a lot "
        "of stars, from our kitchen window.",
        "Format": "landscape",
    },
    {
        "Name": "قهوة الصباح",
        "Post": "صباح الخير! قهوة جديدة وخبز ساخن كل صباح من الساعة السابعة. ☕",
    },
    {
        "Name": "Three things",
        "Post": "Three things we learned this year:\n\n• Bake less, but better\n"
        "• Listen to the neighbours\n• Close on Mondays",
    },
    {
        "Name": "The garden is awake",
        "Post": "The herbs behind the shop have woken up. Rosemary focaccia from "
        "Thursday! 🌿 #Spring",
        "Format": "square",
    },
)
