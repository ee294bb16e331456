"""Images of `generate` and `test`: sent through the chain, recorded and charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daemon.config.parsing import ImageFormat
from daemon.context import SourceContext
from daemon.generation import provider_call
from daemon.generation.call_types import AdmittedCall, ImageSpec
from daemon.generation.chain_input_loader import megapixels_of
from daemon.generation.health_check import check_health
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.retry_policy import format_reasons
from db import images
from db.models import ImageRecord
from providers.chain import AtCapacity, Exhausted, HealthCheck, WaitUntil
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
        seed: None for a random one.

    Returns:
        The image, or the reason why there is none.
    """
    spec = ImageSpec(
        page_id="",
        job_id=None,
        prompt=text,
        words=text,
        size=size,
        fingerprint="",
        seed=seed,
    )
    tried: dict[str, str] = {}
    started_at = source.app.now()
    while not source.app.signals.stopping.is_set():
        chain_input = ChainInput(
            number=number,
            chain=tuple(name for name in chain if name not in tried),
            megapixels=megapixels_of(size.name),
            waited_since=started_at,
        )
        match await provider_call.admit_call(source, spec, chain_input):
            case AdmittedCall() as call:
                result = await provider_call.send_call(source, call)
                if result.outcome is Outcome.IMAGE:
                    return _with_card_reason(await _load_image(source, call), tried)
                # A loading model and a reached rate limit are retried.
                if result.outcome not in {Outcome.LOADING, Outcome.RATE_LIMITED}:
                    tried[call.attempt.provider] = result.why
            case WaitUntil(_, until):
                pause = (until - source.app.now()).total_seconds()
                await source.app.clock.sleep(max(_RETRY_SECONDS, pause))
            case HealthCheck(name):
                await check_health(source, name)
            case AtCapacity():
                await source.app.clock.sleep(_RETRY_SECONDS)
            case Exhausted(_, reasons):
                return format_reasons([*tried.items(), *reasons])
    return "stopped"


def _with_card_reason(
    image: ImageRecord | str, tried: Mapping[str, str]
) -> ImageRecord | str:
    # No job records the earlier calls, so the card's reason is completed here.
    if isinstance(image, ImageRecord) and image.is_card and tried:
        return replace(
            image, card_why=image.card_why or format_reasons([*tried.items()])
        )
    return image


async def _load_image(source: SourceContext, call: AdmittedCall) -> ImageRecord | str:
    async with source.app.db.read_transaction() as tx:
        image = await images.of_attempt(tx, call.attempt.id)
    return image or "it was not recorded"
