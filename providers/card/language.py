"""Guesses the language of a text from its letters and its smallest words.  Pure."""

from __future__ import annotations

import re

#: Frequent words that few other languages have.
_WORDS = {
    "en": "the and of to is are we you your our with for this that it at from am pm",
    "de": "der die das und ist wir ihr sie ein eine mit für von nicht auch auf im den "
    "zu bei euch uns unser unsere ab am heute",
    "fr": "le la les des et est nous vous un une avec pour dans du au aux ce d l à",
    "es": "el la los las y es nosotros un una con para por del en nuestro tu su que de",
    "it": "il lo la gli le e è un una con per di della nel nostro vi che sono alla dal",
    "pt": "o a os as e é um uma com para por do da no na nosso você que são em",
    "nl": "de het een en is wij we je jullie met voor van niet ook op onze bij zijn",
    "sv": "och är vi ni en ett med för av inte också på vår våra det som till",
    "da": "og er vi i en et med for af ikke også på vores det som til jer",
    "nb": "og er vi en et med for av ikke også på vår våre det som til dere",
    "fi": "ja on me te kanssa ei myös meidän se että ovat tai nyt",
    "pl": "i w na jest z do nie się dla od nasz nasza oraz po już to",
    "cs": "a v na je s do ne se pro od náš naše ale po už to jsme",
    "hu": "a az és van mi ti egy nem is hogy már minden nálunk",
    "ro": "și în la este cu pentru nu din un o noastră sau de pe",
    "tr": "ve bir bu için ile da de çok her gün en",
    "vi": "và của là có cho các một với này không",
    "ru": "и в на с для не мы вы у от по что это наш наша",
    "uk": "і в на з для не ми ви у від по що це наш наша та є",
    "bg": "и в на с за не ние вие от по че това наш е",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
#: Letters that decide in a short text.
_LETTERS = {
    "de": "ß",
    "pl": "łąęśżźć",
    "cs": "řěů",
    "hu": "őű",
    "ro": "țșă",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "sv": "å",
    "da": "øæ",
    "tr": "ışğ",
    "vi": "ơưạảấầậắằếềểệốồộớờợứừự",
    "uk": "їєґі",
    "ru": "ыэё",
}
_SCRIPTS = {"el": re.compile(r"[\u0370-\u03ff]"), "ru": re.compile(r"[\u0400-\u04ff]")}


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of the language of *text*, "en" if nothing tells."""
    folded = text.casefold()
    words = set(re.findall(r"\w+", folded))
    scores = {
        language: sum(word in known for word in words)
        + 2.5 * sum(folded.count(letter) > 0 for letter in _LETTERS.get(language, ""))
        for language, known in _SETS.items()
    }
    # Umlauts are German's, unless the words say Swedish, Finnish or Hungarian.
    scores["de"] += 0.6 * sum(char in "äöü" for char in folded)
    # Compounds are German's in most posts.
    scores["de"] += 0.5 * sum(len(word) >= 16 for word in words)
    best = max(scores, key=lambda language: scores[language])
    if scores[best] > 0:
        return best
    found = (name for name, script in _SCRIPTS.items() if script.search(folded))
    return next(found, "en")
