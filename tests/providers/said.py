"""What the services say, word for word: kind, status, body, and what it means.

Texts: the services' documentation, and live answers that were published.
"""

from __future__ import annotations

import json

from providers.outcomes import (
    BadRequestError,
    InvalidImageError,
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    RemoteJobFailedError,
    RemoteJobLostError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)

OPENAI_BUSY = "Rate limit reached for gpt-image-1 in organization org-x on images"
REPLICATE_CREDIT = (
    "You have insufficient credit to run this model. Go to "
    "https://replicate.com/account/billing#billing to purchase credit."
)
REPLICATE_SLOW = (
    "Request was throttled. Your rate limit for creating predictions is reduced to 6 "
    "requests per minute with a burst of 1 requests while you have less than $5.0 in "
    "credit. Your rate limit resets in ~7s."
)
CLOUDFLARE_FREE = (
    "You have used up your daily free allocation of 10,000 neurons. Please upgrade to "
    "Cloudflare's Workers Paid plan if you would like to continue usage."
)
FAL_LOCKED = (
    "User is locked. Reason: Exhausted balance. Top up your balance at "
    "fal.ai/dashboard/billing."
)
#: The package `spaces`, which every ZeroGPU Space uses, in November 2026.
SPACE_QUOTA = (
    "You have exceeded your free ZeroGPU quota (60s requested vs. 42s left). Try again "
    "in 1:30:05. Subscribe to Hugging Face PRO to get 40 min of ZeroGPU quota a day - "
    "https://huggingface.co/subscribe/pro?from=ZeroGPU"
)
SPACE_RUNS = (
    "You have exceeded your ZeroGPU runs limit. Subscribe to Hugging Face PRO to get "
    "40 min of ZeroGPU quota a day"
)
SPACE_TOO_LONG = (
    "The requested GPU duration (300s) is larger than the maximum allowedSubscribe to "
    "Hugging Face PRO to allow GPU tasks up to 40 min"
)
SPACE_BUSY = (
    'No GPU was available after 60s. <a style="white-space: nowrap" '
    'href="https://huggingface.co/subscribe/pro">Subscribe to Pro</a> to get the '
    "highest priority in ZeroGPU queues."
)
#: Its texts of earlier years, with HTML, and without a token.
SPACE_HTML = (
    'You have exceeded your GPU quota (60s requested vs. 56s left). <a style="white-'
    'space: nowrap;" href="https://huggingface.co/join">Create a free account</a> to '
    "get more usage quota. Try again in <b>0:09:48</b>"
)
SPACE_OLD = (
    "You have exceeded your GPU quota (46s left vs. 60s requested). Sign-up on Hugging "
    "Face to get more quotas or retry in 0:09:48."
)
SPACE_NO_TOKEN = (
    "Space app has reached its GPU limit. Try re-running outside of examples if it "
    "happened after clicking one"
)


def cloudflare(code: int, message: str) -> str:
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "result": None}
    return json.dumps(body, separators=(",", ":"))


def openai(code: str, message: str) -> str:
    error = {"message": message, "type": "invalid_request_error", "code": code}
    return json.dumps({"error": error})


SAID: list[tuple[str, int, object, type[ProviderError]]] = [
    # AUTOMATIC1111
    ("a1111", 401, {"detail": "Incorrect username or password"}, UnauthorizedError),
    ("a1111", 404, {"detail": "Not Found"}, NotFoundError),
    (
        "a1111",
        500,
        {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"},
        UnavailableError,
    ),
    # Cloudflare
    ("cloudflare", 429, cloudflare(3036, CLOUDFLARE_FREE), OutOfCreditsError),
    ("cloudflare", 429, cloudflare(4006, CLOUDFLARE_FREE), OutOfCreditsError),
    ("cloudflare", 429, cloudflare(3040, "Capacity exceeded"), UnavailableError),
    ("cloudflare", 429, cloudflare(971, "Slow down"), RateLimitedError),
    ("cloudflare", 408, cloudflare(3007, "Request timeout"), TimedOutError),
    ("cloudflare", 408, cloudflare(3008, "Aborted"), TimedOutError),
    ("cloudflare", 413, cloudflare(3006, "Request is too large"), BadRequestError),
    ("cloudflare", 404, cloudflare(3042, "Invalid model ID"), NotFoundError),
    ("cloudflare", 400, cloudflare(5007, "No such model"), NotFoundError),
    ("cloudflare", 403, cloudflare(5018, "Account is blocked"), UnauthorizedError),
    ("cloudflare", 403, cloudflare(3023, "Not allowed"), UnauthorizedError),
    ("cloudflare", 401, cloudflare(10000, "Authentication error"), UnauthorizedError),
    ("cloudflare", 403, cloudflare(10000, "Authentication error"), UnauthorizedError),
    (
        "cloudflare",
        400,
        cloudflare(5006, "Additional or unevaluated properties '/seed'"),
        BadRequestError,
    ),
    (
        "cloudflare",
        400,
        cloudflare(3030, "Input prompt contains NSFW content"),
        PromptRefusedError,
    ),
    # fal
    ("fal", 403, {"detail": FAL_LOCKED}, OutOfCreditsError),
    ("fal", 401, {"detail": "Authentication is required"}, UnauthorizedError),
    (
        "fal",
        503,
        {"detail": "No runner", "error_type": "runner_scheduling_failure"},
        ModelLoadingError,
    ),
    (
        "fal",
        504,
        {"detail": "Late", "error_type": "startup_timeout"},
        ModelLoadingError,
    ),
    ("fal", 504, {"detail": "Late", "error_type": "request_timeout"}, TimedOutError),
    (
        "fal",
        422,
        {"detail": [{"loc": ["body", "seed"], "msg": "not a number", "type": "x"}]},
        BadRequestError,
    ),
    (
        "fal",
        422,
        {"detail": [{"msg": "flagged", "type": "content_policy_violation"}]},
        PromptRefusedError,
    ),
    # AI Horde
    ("horde", 401, {"message": "No user", "rc": "InvalidAPIKey"}, UnauthorizedError),
    ("horde", 403, {"message": "No", "rc": "TimeoutIP"}, RateLimitedError),
    ("horde", 429, {"message": "2 a second", "rc": "TooManyPrompts"}, RateLimitedError),
    ("horde", 400, {"message": "Not here", "rc": "CorruptPrompt"}, PromptRefusedError),
    ("horde", 400, {"message": "By 64", "rc": "InvalidSize"}, BadRequestError),
    ("horde", 400, {"message": "Nobody", "rc": "NoValidWorkers"}, UnavailableError),
    ("horde", 400, {"message": "Later", "rc": "MaintenanceMode"}, UnavailableError),
    # LocalAI
    (
        "localai",
        503,
        {
            "error": {
                "message": "model is being loaded",
                "code": "model_loading",
                "type": "model_loading",
            }
        },
        ModelLoadingError,
    ),
    (
        "localai",
        500,
        {"error": {"code": 500, "message": "could not load model: x", "type": ""}},
        UnavailableError,
    ),
    ("localai", 401, "", UnauthorizedError),
    # OpenAI
    (
        "openai",
        400,
        openai("billing_hard_limit_reached", "Billing hard limit has been reached"),
        OutOfCreditsError,
    ),
    ("openai", 429, openai("insufficient_quota", "Your quota"), OutOfCreditsError),
    ("openai", 429, openai("rate_limit_exceeded", OPENAI_BUSY), RateLimitedError),
    ("openai", 401, openai("invalid_api_key", "Incorrect API key"), UnauthorizedError),
    (
        "openai",
        400,
        openai("moderation_blocked", "Your request was rejected by our safety system"),
        PromptRefusedError,
    ),
    (
        "openai",
        403,
        openai("", "Your organization must be verified to use the model"),
        UnauthorizedError,
    ),
    # Replicate
    (
        "replicate",
        402,
        {"title": "Insufficient credit", "detail": REPLICATE_CREDIT, "status": 402},
        OutOfCreditsError,
    ),
    (
        "replicate",
        429,
        {"detail": REPLICATE_SLOW, "status": 429, "retry_after": 7},
        RateLimitedError,
    ),
    ("replicate", 401, {"title": "Unauthenticated", "detail": "No"}, UnauthorizedError),
    ("replicate", 422, {"detail": "- input.seed: Invalid type"}, BadRequestError),
    (
        "replicate",
        503,
        {"error": "Setup has not finished yet. Wait until it has finished"},
        ModelLoadingError,
    ),
    (
        "replicate",
        201,
        {"id": "a", "status": "failed", "error": "NSFW content detected. Try again"},
        PromptRefusedError,
    ),
    (
        "replicate",
        201,
        {"id": "a", "status": "failed", "error": "CUDA error"},
        RemoteJobFailedError,
    ),
    ("replicate", 201, {"id": "a", "status": "aborted"}, RemoteJobFailedError),
    ("replicate", 201, {"status": "processing"}, RemoteJobLostError),
    # RunPod
    ("runpod", 401, "", UnauthorizedError),
    (
        "runpod",
        400,
        {"id": "x", "status": "FAILED", "error": "width must be divisible by 64"},
        BadRequestError,
    ),
    ("runpod", 200, {"id": "x", "status": "TIMED_OUT"}, TimedOutError),
    ("runpod", 200, {"id": "x", "status": "CANCELLED"}, RemoteJobFailedError),
    (
        "runpod",
        200,
        {"id": "x", "status": "FAILED", "error": ["NSFW content", "found"]},
        PromptRefusedError,
    ),
    (
        "runpod",
        200,
        {
            "id": "x",
            "status": "COMPLETED",
            "output": {"status": "success_no_images", "images": []},
        },
        InvalidImageError,
    ),
    (
        "runpod",
        200,
        {"id": "x", "status": "COMPLETED", "output": {"error": "no such node"}},
        RemoteJobFailedError,
    ),
    # A Space, whose answers to a call are Gradio's; its events are in test_space
    ("space", 422, {"detail": "Input validation error"}, BadRequestError),
    ("space", 401, {"detail": "Not authenticated"}, UnauthorizedError),
    ("space", 429, {"detail": "Too many requests"}, RateLimitedError),
    # Together
    (
        "together",
        402,
        {"error": {"message": "Credit limit exceeded"}},
        OutOfCreditsError,
    ),
    ("together", 503, {"error": {"message": "Engine overloaded"}}, UnavailableError),
    ("together", 401, {"error": {"message": "Invalid API key"}}, UnauthorizedError),
    ("together", 429, {"error": {"message": "Too many"}}, RateLimitedError),
]
