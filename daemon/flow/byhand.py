"""Images by hand: through the chain, recorded and paid for like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daemon.flow import draw
from daemon.flow.call import Call, Ended, Subject
from daemon.flow.case import Case
from daemon.flow.cases import megapixels
from daemon.flow.context import Flow
from daemon.flow.formats import Size
from daemon.flow.greet import greet
from daemon.flow.verdict import in_words
from db import images
from db.records import ImageRecord
from providers.chain import Busy, Greet, Spent, Wait
from providers.outcomes import Outcome

_PATIENCE_SECONDS = 1.0


async def make(
    flow: Flow,
    *,
    text: str,
    size: Size,
    chain: tuple[str, ...],
    number: int,
    seed: int | None,
) -> ImageRecord | str:
    """Make one image; a model that loads is waited for.

    Returns:
        The image, or why there is none.
    """
    subject = Subject(
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
        case = Case(
            number=number,
            chain=left,
            megapixels=megapixels(size.name),
            waited_since=began,
        )
        match await draw.begin(flow, subject, case):
            case Call() as call:
                ended = await draw.carry_out(flow, call)
                if ended.outcome is Outcome.IMAGE:
                    return _because(await _image_of(flow, call), tried)
                _note(tried, call, ended)
            case Wait(_, until):
                pause = (until - flow.now()).total_seconds()
                await flow.clock.sleep(max(_PATIENCE_SECONDS, pause))
            case Greet(name):
                await greet(flow, name)
            case Busy():
                await flow.clock.sleep(_PATIENCE_SECONDS)
            case Spent(_, reasons):
                return in_words([*tried.items(), *reasons])
    return "stopped"


def _note(tried: dict[str, str], call: Call, ended: Ended) -> None:
    # Loading and too fast are asked again; whatever else it was, the next one.
    if ended.outcome not in {Outcome.LOADING, Outcome.THROTTLED}:
        tried[call.attempt.provider] = ended.why


def _because(made: ImageRecord | str, tried: Mapping[str, str]) -> ImageRecord | str:
    # No job remembers who was asked before: it is said here.
    if isinstance(made, ImageRecord) and made.is_card and tried and not made.card_why:
        return replace(made, card_why=in_words([*tried.items()]))
    return made


async def _image_of(flow: Flow, call: Call) -> ImageRecord | str:
    async with flow.db.reading() as tx:
        found = await images.of_attempt(tx, call.attempt.id)
    return found or "it was not recorded"
