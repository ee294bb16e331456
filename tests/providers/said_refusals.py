"""Refusals whose words mean more than their status, word for word, by any service.

Texts: the services' and Cloudflare's documentation, and live answers that were
published.  The kinds with OpenAI's format stand for the services that speak it.
"""

from __future__ import annotations

from providers.outcomes import (
    BadRequestError,
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    RegionBlockedError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from tests.providers.said import openai

OUT_OF_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details."
)


def cdn(code: int, name: str, title: str, *, retryable: bool = False) -> object:
    """Return an error of Cloudflare's as JSON (its page "Error 1xxx", 2026-03-11)."""
    return {
        "type": f"https://developers.cloudflare.com/support/error-{code}/",
        "title": f"Error {code}: {title}",
        "status": 403,
        "detail": "The site owner has blocked access.",
        "instance": "9d1b1a1c2d3e4f5a",
        "error_code": code,
        "error_name": name,
        "cloudflare_error": True,
        "retryable": retryable,
        "owner_action_required": True,
    }


REFUSALS: list[tuple[str, int, object, type[ProviderError]]] = [
    # No credits, in every spelling and under any status
    (
        "fal",
        403,
        {"detail": "User is locked. Reason: TOP_UP."},
        OutOfCreditsError,
    ),
    (
        "flux",
        403,
        {"detail": "User is locked. Reason: Exhausted balance. Top up your balance"},
        OutOfCreditsError,
    ),
    ("flux", 429, {"error": "Insufficient credit"}, OutOfCreditsError),
    ("openai", 400, {"error": "Insufficient credits"}, OutOfCreditsError),
    ("openai", 401, {"message": "Your balance is insufficient"}, OutOfCreditsError),
    ("openai", 403, {"message": "account balance is insufficient"}, OutOfCreditsError),
    ("openai", 429, openai("insufficient_quota", OUT_OF_QUOTA), OutOfCreditsError),
    ("openai", 429, openai("", OUT_OF_QUOTA), OutOfCreditsError),
    ("openai", 400, openai("billing_hard_limit_reached", "Reached"), OutOfCreditsError),
    (
        "together",
        429,
        {"error": {"message": "Credit limit exceeded"}},
        OutOfCreditsError,
    ),
    (
        "openai",
        402,
        {
            "success": False,
            "status": 402,
            "error": {
                "message": "API key budget exhausted",
                "code": "PAYMENT_REQUIRED",
            },
        },
        OutOfCreditsError,
    ),
    ("openai", 402, {"error": {"message": "Insufficient balance"}}, OutOfCreditsError),
    ("runpod", 402, {"error": "not enough balance"}, OutOfCreditsError),
    # A quota that ends soon, and a queue, are no empty purse.
    (
        "openai",
        429,
        {"error": {"message": f"{OUT_OF_QUOTA} Please retry in 21.5s."}},
        RateLimitedError,
    ),
    (
        "openai",
        402,
        {"error": "Queue full for IP: 1.2.3.4: 1 requests already queued (max: 1)"},
        RateLimitedError,
    ),
    (
        "replicate",
        409,
        {"detail": "At capacity - all prediction slots busy"},
        RateLimitedError,
    ),
    # The CDN before the service: not the token
    ("openai", 403, "error code: 1009", UnavailableError),
    ("openai", 403, "error code: 1010", UnavailableError),
    ("openai", 429, "error code: 1015", UnavailableError),
    ("openai", 403, "error code: 1020", UnavailableError),
    ("openai", 403, "RBAC: access denied", UnavailableError),
    ("horde", 403, cdn(1009, "country_ban", "Access denied"), UnavailableError),
    (
        "fal",
        403,
        cdn(1010, "browser_signature_banned", "Access denied"),
        UnavailableError,
    ),
    (
        "replicate",
        429,
        cdn(1015, "rate_limited", "You are being rate limited", retryable=True),
        UnavailableError,
    ),
    ("cloudflare", 403, cdn(1020, "access_denied", "Access denied"), UnavailableError),
    (
        "openai",
        403,
        "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>",
        UnavailableError,
    ),
    # A number that only looks like one is the service's own word.
    (
        "cloudflare",
        403,
        {"errors": [{"code": 10000, "message": "No"}]},
        UnauthorizedError,
    ),
    ("openai", 400, {"error": "size 1010x1020 is odd"}, BadRequestError),
    # The region
    (
        "openai",
        403,
        openai(
            "unsupported_country_region_territory",
            "Country, region, or territory not supported",
        ),
        RegionBlockedError,
    ),
    (
        "openai",
        400,
        {"error": {"message": "User location is not supported for the API use."}},
        RegionBlockedError,
    ),
    ("together", 403, {"error": "Not available in your region"}, RegionBlockedError),
    ("openai", 451, "", RegionBlockedError),
    # A wrong key under another status (Google's)
    (
        "openai",
        400,
        {
            "error": {
                "message": "API key not valid. Please pass a valid API key.",
                "details": [{"reason": "API_KEY_INVALID"}],
            }
        },
        UnauthorizedError,
    ),
    # The rest of the reference
    ("openai", 403, {"errors": ["content_moderation"]}, PromptRefusedError),
    ("horde", 410, {"message": "Expired", "rc": "RequestExpired"}, NotFoundError),
    ("horde", 404, {"message": "None", "rc": "RequestNotFound"}, NotFoundError),
    ("runpod", 404, "", NotFoundError),
    ("runpod", 429, "", RateLimitedError),
    ("openai", 524, "", TimedOutError),
    (
        "replicate",
        429,
        {"detail": "Request was throttled. Your rate limit resets in ~30s."},
        RateLimitedError,
    ),
    (
        "localai",
        503,
        {"error": {"message": "x", "code": "model_loading"}, "loading": {}},
        ModelLoadingError,
    ),
    ("a1111", 422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, BadRequestError),
]
