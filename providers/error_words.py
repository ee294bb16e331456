"""The words by which services refuse: one list of spellings for each meaning.  Pure.

A status means different things at different services, so the words decide first.  The
texts are untrusted: they are only searched.  Sources: the services' documentation and
published live answers, which `tests/providers/said.py` quotes.
"""

from __future__ import annotations

import re

_MODERATION = re.compile(
    r"nsfw|content policy|content_policy|moderation|safety (?:system|filter|checker)|"
    r"flagged as|inappropriate content|prohibited content|violates? (?:our|the)",
    re.IGNORECASE,
)
_MONEY = r"(?:credits?|balance|funds|quota|(?:pre-?paid )?budget)"
_NO_MONEY = re.compile(
    # "Insufficient credits", "insufficient_quota", "insufficient account balance"
    rf"insufficient[ _](?:account )?{_MONEY}\b|not enough {_MONEY}\b|"
    # "Your balance is insufficient", "API key budget exhausted", "credit is too low"
    rf"{_MONEY} (?:is |are |was |has been |have been )?(?:currently )?"
    r"(?:insufficient|exhausted|depleted|used up|too low|not enough)|"
    # "Exhausted balance", "you have depleted your monthly included credits"
    rf"(?:exhausted|depleted|used up|negative|zero) (?:your |the |account )?"
    rf"(?:monthly )?(?:included )?{_MONEY}\b|"
    # "out of credits", "no remaining credits", "no credits left"
    rf"(?:out of|run out of) {_MONEY}\b|no (?:more |remaining )?credits?\b|"
    r"(?:credit|spending|spend|billing hard|usage credit)s?[ _]limit[ _]"
    r"(?:(?:has been|is|was) )?(?:exceeded|reached)|"
    r"billing_hard_limit_reached|billing_not_active|payment[ _]required|"
    r"exceeded your (?:monthly (?:included )?|available |current )?"
    r"(?:credits?|balance)|"
    # OpenAI's used-up quota; a quota that ends in seconds is a rate limit.
    r"exceeded your current quota(?!.*(?:try again|retry) in)|"
    # The text of fal is "User is locked. Reason: TOP_UP."
    r"reason: ?top[_ ]?up|daily free allocation|"
    r"(?:please )?top up your (?:balance|account|credits?)|"
    r"(?:purchase|add|buy) (?:more |pre-?paid |additional )?credits? to continue",
    re.IGNORECASE,
)
_REGION = re.compile(
    r"unsupported_country_region_territory|"
    r"(?:country|region|territory|location)\S*(?: or territory)? "
    r"(?:is |are )?(?:currently )?(?:not (?:yet )?(?:supported|available)|unsupported|"
    r"blocked|restricted)|"
    r"(?:not|un)[ -]?(?:available|supported) (?:in|from|for) your "
    r"(?:country|region|location)|"
    r"unavailable (?:in|from) your (?:country|region|location)|"
    r"unavailable for legal reasons",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"api[ _]key[ _](?:is )?(?:not valid|invalid)|(?:invalid|incorrect)[ _]api[ _]key",
    re.IGNORECASE,
)
#: Cloudflare's own errors, as plain text, as JSON and as a title; Envoy's refusal.
_CDN = re.compile(
    r"\berror(?: code)?:? (?:1009|1010|1015|1020)\b|"
    r'"error_code": ?(?:1009|1010|1015|1020)\b|"cloudflare_error": ?true|'
    r"^RBAC: access denied|"
    r"\b(?:browser_signature_banned|access_denied_firewall|ip_banned)\b",
    re.IGNORECASE,
)
#: Pollinations answers 402 to a second request at the same time.
_QUEUE_FULL = re.compile(r"queue (?:is )?full", re.IGNORECASE)
_LOADING = ("is currently loading", "setup has not finished", "model_loading")


def is_refusal(text: str) -> bool:
    """Return True if *text* is worded like a refusal by moderation."""
    return _MODERATION.search(text) is not None


def says_out_of_credits(text: str) -> bool:
    """Return True if *text* says that the account has no credits left."""
    return _NO_MONEY.search(text) is not None


def says_bad_key(text: str) -> bool:
    """Return True if *text* says that the key is wrong, as some do with status 400."""
    return _BAD_KEY.search(text) is not None


def says_region_blocked(text: str) -> bool:
    """Return True if *text* says that the service is not offered where we are."""
    return _REGION.search(text) is not None


def is_cdn_refusal(body: str) -> bool:
    """Return True if a whole *body* is the refusal of a CDN before the service."""
    return _CDN.search(body) is not None


def says_queue_full(text: str) -> bool:
    """Return True if *text* says that too many requests wait at the same time."""
    return _QUEUE_FULL.search(text) is not None


def says_loading(body: str) -> bool:
    """Return True if a lower-case *body* says that the model is being loaded."""
    return any(words in body for words in _LOADING)
