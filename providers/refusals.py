"""What a refusal means, by its words and its status.  Pure.

A status means different things at different services, so the words decide first.  The
texts are untrusted: they are only searched.  Sources: the services' documentation and
published live answers, which `tests/providers/said.py` and `said_refusals.py` quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers import outcomes
from providers.outcomes import ProviderError, UnavailableError

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
#: Keys whose values are words of a service, not of a request that it repeats.
_WORD_KEYS = (
    *("message", "detail", "title", "msg", "error", "code", "errors"),
    *("type", "reason", "error_type", "error_name", "rc"),
)
_MAX_DEPTH, _MAX_WORDS = 6, 2000
_GOOD, _CLIENT_ERRORS, _FORBIDDEN = range(200, 300), range(400, 500), 403
_ERRORS: dict[int, type[ProviderError]] = {
    401: outcomes.UnauthorizedError,
    402: outcomes.OutOfCreditsError,
    **dict.fromkeys((404, 405, 410), outcomes.NotFoundError),
    # A server or proxy stopped waiting; the image may have been generated.
    **dict.fromkeys((408, 504, 524), outcomes.TimedOutError),
    429: outcomes.RateLimitedError,
    451: outcomes.RegionBlockedError,
}


def is_refusal(text: str) -> bool:
    """Return True if *text* is worded like a refusal by moderation."""
    return _MODERATION.search(text) is not None


def classify_refusal(
    *,
    status: int,
    body: str,
    data: object,
    is_page: bool,
    own_error: type[ProviderError] | None,
) -> type[ProviderError] | None:
    """Return the error that a failed response means: its words precede its status.

    Args:
        data: The body as JSON, or None.
        is_page: The body is a web page, as proxies and CDNs send it.
        own_error: The error by a rule of the service's own.

    Returns:
        None for a good status (200 to 299) whose words mean nothing in particular.
    """
    is_good = status in _GOOD
    words = "" if is_page else _find_words(data, body)
    # Some services report a loading model with status 200.
    if _is_loading(status, body, data):
        return outcomes.ModelLoadingError
    # The CDN refuses, not the account.
    if _is_cdn_refusal(status, body, is_page=is_page):
        return UnavailableError
    # The service's own spelling.
    if own_error is not None and not is_good:
        return own_error
    # 402 for too many requests at the same time.
    if not is_good and _QUEUE_FULL.search(words):
        return outcomes.RateLimitedError
    # No credits are left, under any status.
    if _NO_MONEY.search(words):
        return outcomes.OutOfCreditsError
    # The service is not offered where we are.
    if _REGION.search(words):
        return outcomes.RegionBlockedError
    return None if is_good else _error_class(status, words)


def _find_words(data: object, body: str) -> str:
    words = body if data is None else "; ".join(_collect_words(data))
    return words[:_MAX_WORDS]


def _collect_words(data: object, depth: int = 0) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    if depth > _MAX_DEPTH:
        return
    if isinstance(data, list):
        for item in data[:3]:
            yield from _collect_words(item, depth + 1)
    if isinstance(data, dict):
        for key in _WORD_KEYS:
            yield from _collect_words(data.get(key), depth + 1)


def _is_loading(status: int, body: str, data: object) -> bool:
    if status not in {200, 503}:
        return False
    has_time = isinstance(data, dict) and "estimated_time" in data
    return has_time or any(words in body.casefold() for words in _LOADING)


def _is_cdn_refusal(status: int, body: str, *, is_page: bool) -> bool:
    if status not in _CLIENT_ERRORS:
        return False
    # A page instead of JSON.
    return (is_page and status == _FORBIDDEN) or _CDN.search(body) is not None


def _error_class(status: int, words: str) -> type[ProviderError]:
    if status in _ERRORS:
        return _ERRORS[status]
    if status not in _CLIENT_ERRORS:
        return UnavailableError
    if is_refusal(words):
        return outcomes.PromptRefusedError
    is_bad_token = status == _FORBIDDEN or _BAD_KEY.search(words)
    return outcomes.UnauthorizedError if is_bad_token else outcomes.BadRequestError
