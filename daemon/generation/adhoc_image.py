"""Images by hand: through the chain, recorded and paid for like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daemon.config.formats import ImageFormat
from daemon.context import SourceContext
from daemon.generation import provider_call
from daemon.generation.call_types import AdmittedCall, CallResult, ImageSpec
from daemon.generation.chain_input_loader import megapixels_of
from daemon.generation.health_check import check_health
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.retry_policy import format_reasons
from db import images
from db.models import ImageRecord
from providers.chain import AtCapacity, Exhausted, HealthCheck, WaitUntil
from providers.outcomes import Outcome

_PATIENCE_SECONDS = 1.0


async def generate_adhoc_image(
    flow: SourceContext,
    *,
    text: str,
    size: ImageFormat,
    chain: tuple[str, ...],
    number: int,
    seed: int | None,
) -> ImageRecord | str:
    """Make one image; a model that loads is waited for.

    Returns:
        The image, or why there is none.
    """
    subject = ImageSpec(
        page_id="",
        job_id=None,
        prompt=text,
        words=text,
        size=size,
        fingerprint="",
        seed=seed,
    )
    tried: dict[str, str] = {}
    began = flow.now()
    while not flow.stopping.is_set():
        left = tuple(name for name in chain if name not in tried)
        case = ChainInput(
            number=number,
            chain=left,
            megapixels=megapixels_of(size.name),
            waited_since=began,
        )
        match await provider_call.admit_call(flow, subject, case):
            case AdmittedCall() as call:
                ended = await provider_call.send_call(flow, call)
                if ended.outcome is Outcome.IMAGE:
                    return _with_card_reason(await _load_image(flow, call), tried)
                _note_failure(tried, call, ended)
            case WaitUntil(_, until):
                pause = (until - flow.now()).total_seconds()
                await flow.clock.sleep(max(_PATIENCE_SECONDS, pause))
            case HealthCheck(name):
                await check_health(flow, name)
            case AtCapacity():
                await flow.clock.sleep(_PATIENCE_SECONDS)
            case Exhausted(_, reasons):
                return format_reasons([*tried.items(), *reasons])
    return "stopped"


def _note_failure(tried: dict[str, str], call: AdmittedCall, ended: CallResult) -> None:
    # Loading and too fast are asked again; whatever else it was, the next one.
    if ended.outcome not in {Outcome.LOADING, Outcome.THROTTLED}:
        tried[call.attempt.provider] = ended.why


def _with_card_reason(
    made: ImageRecord | str, tried: Mapping[str, str]
) -> ImageRecord | str:
    # No job remembers who was asked before: it is said here.
    if isinstance(made, ImageRecord) and made.is_card and tried and not made.card_why:
        return replace(made, card_why=format_reasons([*tried.items()]))
    return made


async def _load_image(flow: SourceContext, call: AdmittedCall) -> ImageRecord | str:
    async with flow.db.read_transaction() as tx:
        found = await images.of_attempt(tx, call.attempt.id)
    return found or "it was not recorded"
