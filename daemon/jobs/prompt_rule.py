"""Writes the image prompt of a post when no language model does.  Pure.

Image models draw what is negated, letter what is quoted or numbered, and FLUX has
learnt English only.  So an English post gives the first of its sentences that shows
something; every other post is looked up in `scene_lexicon`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from daemon.jobs.scene_lexicon import find_scenes, know_scenes

#: What is said instead of "no text".
SURFACES = "Clean, unmarked surfaces."
#: The look of a picture for which the owner has set no style.
LOOK = "Photograph in natural light."
#: The longest part of a prompt that is taken from a post, in characters.
_LONGEST = 300
#: Characters of a post that are read; what matters stands first.
_MOST_READ = 4000
_FEWEST_WORDS = 4
_TELLING_WORDS = 8
_MOST_WORDS = 45
_NOTHING_KNOWN = "an inviting small shop with daylight through its window"

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
#: Speech: a quotation of more than a few words.
_SPEECH = re.compile(
    r"[“„«\"「『‹][^“”„«»\"「」『』‹›]{25,}?[”“»\"」』›]|^\s*[—–-]\s.*$", re.MULTILINE
)
#: A word that is an address, link, @name or hashtag.
_CONTACT = re.compile(r"[#@]|.*(?:@|://)|(?:www\.)?[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)
#: Quotation marks, emoji and other signs.
_PLAIN = re.compile(r"[^\w\s'’&-]+|_")
#: Bullets, numbers and signs in front of a list's items, and "label: value" lines.
_LIST_ITEM = re.compile(
    r"^\s*(?:[-*•·▪►–]|[^\w\s\"“„«'‘(]|\d+\s*[.):]|\d\ufe0f?\u20e3)"
    r"|^[^\W\d]\S*(?:\s\S+)?\s?:\s|^.*\.{4,}"
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_CLAUSE_END = re.compile(r"\s*[,;:()\[\]]\s*|\s+[–—|/·+-]+\s+")
#: A number with the words that lead to it and its unit: "for 36 hours", "at 7:00".
_NUMBER = re.compile(
    r"(?:\b(?:at|for|from|until|till|by|since|in|on|of|after|before|about|around|over"
    r"|under|up|to|only|just|all)\s+){0,3}[^\s\w]{0,3}\d\S*"
    r"(?:\s+(?:[ap]\.?m\b\.?|hours?|hrs?|minutes?|mins?|days?|weeks?|months?|years?"
    r"|km|cm|mm|kg|bar|percent)\b)?",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"\s*\b(?:(?:on|from|until|since|by)\s+)?(?:every\s+|this\s+|next\s+)?"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\s*\b(?:yesterday|today|tomorrow|tonight)\b",
    re.IGNORECASE,
)
_ANY_DAY = re.compile(
    r"\b(an?\s+[a-z]+\s+)(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", re.IGNORECASE
)
#: What a number has left: "a 1962 armchair".
_ARTICLE = re.compile(r"\ba(?= [aeio](?!ne\b|u))")
#: Frequent English words that no other language of Latin letters writes as often.
_ENGLISH = re.compile(r"\b(?:the|and|of|our|with|you|your|are|from|this|that|we)\b")
_SHARE_OF_ENGLISH = 0.08
#: Talk to the reader, an offer, a call, a negation: nothing a camera sees.
_TALK = re.compile(
    r"\b(?:you|you're|your|yours|us|me|i|i'm|i've|let's|please|thanks?|sorry|welcome"
    r"|congratulations|happy|dear|hello|hi|good (?:morning|evening|afternoon)"
    r"|hiring|looking for|wanted|apply|join|sign up|book|order|call|click|follow|share"
    r"|comment|vote|tell|dm|win|free|sale|off|discount|offer|price|code|deal|tickets?"
    r"|shop now|open|closed?|hope|dr|mr|mrs|ms|prof|for one|half price"
    r"|proud|pleased|excited|thrilled|delighted|grateful"
    r"|\A(?:the way|because|since|so|if|who|which)"
    r"|(?:this|last|next) (?:week|month|year)|o'clock"
    r"|no|not|never|none|nothing|nobody|without|cannot|\w+n't)\b",
    re.IGNORECASE,
)

#: "We bake X", "there is X"; "X is back", "X has arrived": X is what a camera sees.
_NEWS_BEFORE = re.compile(
    r"^(?:(?:and|but)\s+)?(?:there(?:'s| is| are| was| were| will be)"
    r"|here(?:'s| is| are)|we(?:'ve got|'re (?:baking|serving|cooking)"
    r"| (?:have|bake|make|cook|serve|sell|grow|offer)))\s+",
    re.IGNORECASE,
)
_NEWS_BEHIND = re.compile(
    r"\s+(?:(?:is|are|has|have)\s+)?(?:(?:finally|now|already|just)\s+)*"
    r"(?:back(?: again)?(?: on the menu)?|here(?: again)?|ready|arrived|opened|reopened"
    r"|returned|returns?)$",
    re.IGNORECASE,
)
#: "Before and after: an armchair gets new springs": a label says less than the rest.
_LABEL = re.compile(r"^[^\s:,.]+(?:\s[^\s:,.]+){0,3}:\s+(?=\S+(?:\s\S+){3})")
_OURS = re.compile(r"\b(?:our|my)\b", re.IGNORECASE)


def describe_post(post: str, title: str, business: str) -> str:
    """Return what a picture for a post shows, in English where it can be known.

    Args:
        post: Its words; empty: the title is all there is.
        business: What is known of the owner's business.
    """
    text = _CODE.sub(" ", post[:_MOST_READ]).replace(
        "\N{RIGHT SINGLE QUOTATION MARK}", "'"
    )
    sentences = list(_plain_sentences(text)) if is_english(text) else []
    known = know_scenes(text, title, business)
    if known.is_sober:
        return known.of_post
    # English is understood, so the post's own words say it best.
    if told := next(filter(_names_thing, sentences), ""):
        return _limit(told)
    # What the post names, in any language.
    if known.of_post:
        return known.of_post
    # A whole sentence about something that our words do not cover.
    if told := next((s for s in sentences if len(s.split()) >= _TELLING_WORDS), ""):
        return _limit(told)
    if known.of_occasion:
        return known.of_occasion
    # A caption is a prompt; letters of other scripts come out as lettering.
    caption = text.strip() or title.strip()
    if _is_latin(caption) and not re.search(r"[\n!?%]|\.\s|\d.*\d", caption):
        return _limit(next(_plain_sentences(caption), "")) or _NOTHING_KNOWN
    return _NOTHING_KNOWN


def is_english(text: str) -> bool:
    """Return whether *text* is English, as its most frequent words say."""
    lower = text.casefold()
    words = re.findall(r"[^\W\d_]+", lower)
    return len(_ENGLISH.findall(lower)) > len(words) * _SHARE_OF_ENGLISH


def _names_thing(sentence: str) -> bool:
    is_long_enough = len(sentence.split()) >= _FEWEST_WORDS
    return is_long_enough and any(
        scene.kind == "thing" for scene in find_scenes(sentence)
    )


def _is_latin(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return all(unicodedata.name(char, "").startswith("LATIN") for char in letters)


def _plain_sentences(text: str) -> Iterator[str]:
    """Yield the sentences that are neither talk nor part of a list, cleaned."""
    for line in _SPEECH.sub(" ", text).splitlines():
        # Lists, tables, headings and introductions of a list are no scenes.
        if _LIST_ITEM.match(line) or line.isupper() or line.rstrip().endswith(":"):
            continue
        for sentence in _SENTENCE_END.split(line.strip()):
            clean = "" if sentence.endswith("?") else _clean_sentence(sentence)
            if 0 < len(clean.split()) <= _MOST_WORDS:
                yield clean


def _clean_sentence(sentence: str) -> str:
    """Return the clauses of a sentence that show something, without numbers."""
    kept = []
    plain = " ".join(word for word in sentence.split() if not _CONTACT.match(word))
    for clause in _CLAUSE_END.split(_leave_out_label(plain)):
        timeless = _DAY.sub("", _ANY_DAY.sub(r"\1day", _NUMBER.sub("", clause)))
        words = re.sub(r"\s+", " ", _PLAIN.sub(" ", timeless)).strip(" '’-&")
        words = _ARTICLE.sub("an", words)
        if words and not _TALK.search(words):
            kept.append(_NEWS_BEFORE.sub("", words))
    return _OURS.sub("the", _leave_out_news(kept))


def _leave_out_label(sentence: str) -> str:
    label = _LABEL.match(sentence)
    if label is None:
        return sentence
    words = label[0].rstrip(": ")
    is_said = _NEWS_BEHIND.search(words) or find_scenes(words)
    return sentence if is_said else sentence[label.end() :]


def _leave_out_news(clauses: list[str]) -> str:
    """Return a sentence, as the thing it is about if it tells that there is one."""
    if not clauses:
        return ""
    first, rest = clauses[0], ", ".join(clauses[1:])
    subject = _NEWS_BEHIND.sub("", first)
    if not rest or subject == first:
        return ", ".join(filter(None, [subject, rest]))
    scenes = {scene.kind: scene for scene in reversed(find_scenes(subject))}
    # A place is where the rest is: "Market day is back, with honey and cheese".
    if "place" in scenes and "thing" not in scenes:
        return f"{rest.removeprefix('with ')} {scenes['place'].phrase}"
    return f"{subject}{' ' if rest.startswith('with ') else ', '}{rest}"


def _limit(scene: str) -> str:
    return scene if len(scene) <= _LONGEST else scene[:_LONGEST].rsplit(" ", 1)[0]
