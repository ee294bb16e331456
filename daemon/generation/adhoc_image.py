"""Images of `generate` and `test`: sent through the chain, recorded and charged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.config.parsing import ImageFormat
from daemon.context import SourceContext
from daemon.generation import provider_call, provider_selection
from daemon.generation.call_result import AdmittedCall
from daemon.generation.chain_input import ChainInput, ImageSpec
from daemon.jobs.breaker_store import check_health
from db import images
from db.models import ImageRecord
from providers.chain import (
    AtCapacity,
    BlockedReason,
    Exhausted,
    HealthCheck,
    WaitUntil,
)
from providers.outcomes import Outcome

#: Seconds between two tries while a provider is busy.
_RETRY_SECONDS = 1.0


async def generate_adhoc_image(
    source: SourceContext,
    *,
    text: str,
    size: ImageFormat,
    chain: tuple[str, ...],
    number: int,
    seed: int | None,
) -> ImageRecord | str:
    """Generate one image outside the queue; wait while a model is loading.

    Args:
        chain: Provider names, in the order of their calls.
        number: Number of the image, which ends its file name.
        seed: Of the first image, from which the others count; None for random ones.

    Returns:
        The image, or the reason why there is none.
    """
    image = ImageSpec(prompt=text, words=text, size=size, seed=seed)
    tried: dict[str, str] = {}
    app, started_at = source.app, source.app.now()
    while not app.signals.stopping.is_set():
        chain_input = ChainInput(
            image=image,
            number=number,
            chain=tuple(name for name in chain if name not in tried),
            first_waited_at=started_at,
        )
        match await provider_call.admit_call(source, chain_input):
            case AdmittedCall() as call:
                result = await provider_call.send_call(source, call)
                if result.outcome is Outcome.IMAGE:
                    return await _load_image(source, call, tried)
                # A loading model and a reached rate limit are retried.
                if result.outcome not in {Outcome.LOADING, Outcome.RATE_LIMITED}:
                    tried[call.attempt.provider] = result.why
            case WaitUntil(_, until):
                pause = (until - app.now()).total_seconds()
                await app.clock.sleep(max(_RETRY_SECONDS, pause))
            case HealthCheck(name):
                await check_health(app, source.providers[name])
            case AtCapacity():
                await app.clock.sleep(_RETRY_SECONDS)
            case Exhausted(_, reasons):
                return _describe_failures(source, tried, reasons)
    return "stopped"


async def _load_image(
    source: SourceContext, call: AdmittedCall, tried: Mapping[str, str]
) -> ImageRecord | str:
    async with source.app.db.read_transaction() as tx:
        image = await images.of_attempt(tx, call.attempt.id)
    if image is None:
        return "the image was not recorded"
    # No job records the earlier calls, so the card's reason is completed here.
    if image.is_card and tried and not image.card_why:
        return replace(image, card_why=_describe_failures(source, tried))
    return image


def _describe_failures(
    source: SourceContext,
    tried: Mapping[str, str],
    reasons: Sequence[BlockedReason] = (),
) -> str:
    clauses = [
        f"{source.label_of(name)}: {why.rstrip('.')}" for name, why in tried.items()
    ]
    if reasons or not clauses:
        clauses.append(provider_selection.describe_reasons(source, reasons))
    return "; ".join(clauses)
