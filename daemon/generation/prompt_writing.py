"""Asks a prompt writer once for a job's inputs, before the job's first image.

It never fails a job, and delays it by the writer's timeout at most: without a good
answer, our own rule applies (`daemon.jobs.prompt`), and the job says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.config.parsing import ImageFormat, parse_format
from daemon.context import SourceContext
from daemon.errors import PostbrushError
from daemon.generation import provider_selection
from daemon.generation.call_result import LOST
from daemon.generation.chain_input import ChainInput
from daemon.generation.storage_guard import retry_until_stored
from daemon.generation.writer_call import (
    AdmittedWriting,
    admit_writing,
    record_answer,
    send_writing,
)
from daemon.jobs.prompt import Inputs, frame_prompt, needs_writer
from daemon.jobs.writing import OWN_RULE, OWNER, Writing, writing_of
from db import images, jobs
from db.engine import Tx
from db.models import Job
from db.states import JobReason
from providers.chain import CallProvider
from providers.outcomes import ProviderError
from providers.writers.base import WritingTask
from providers.writers.chat import PromptWriter
from providers.writers.instructions import INSTRUCTIONS_VERSION
from providers.writers.runner import WritingResult, prepare_writer

#: Earlier prompts of a post that the writer is shown.
_MAX_PREVIOUS = 5


def may_be_written(source: SourceContext, inputs: Inputs) -> bool:
    """Return whether a writer of the source may write the prompt of these inputs."""
    return bool(source.writer_names) and needs_writer(inputs, source.options.prompt)


async def write_job_prompt(
    source: SourceContext, job: Job, chain_input: ChainInput
) -> Job:
    """Return the job with a prompt for its inputs, or with the reason why it has none.

    The writer is asked if a service will be asked for an image: not for the owner's own
    prompt, not for a card, and not while the job has to wait.

    Raises:
        StaleJobError: The job is no longer in `generating`.
    """
    inputs = Inputs.from_dict(job.inputs)
    if not may_be_written(source, inputs) or writing_of(job) is not None:
        return job
    admitted: AdmittedWriting | str = ""
    async with source.app.db.write_transaction() as tx:
        await jobs.require_claim(tx, job.id, source.app.instance.id)
        state = await provider_selection.load_chain_state(tx, source)
        choice = provider_selection.choose_provider(source, chain_input, state)
        # A card needs no prompt, and a job that waits needs none yet.
        if not isinstance(choice, CallProvider) or (
            source.providers[choice.name].traits.is_card
        ):
            return job
        unprepared = _unprepared_writers(source)
        if not unprepared:
            history = await jobs.of_page(tx, job.source, job.page_id)
            # An earlier job of the same request paid for a prompt, but has no image.
            if (earlier := _find_unused(job, history)) is not None:
                return await jobs.save_written(tx, job, earlier.to_dict())
            previous = await _previous_prompts(tx, job, history)
            task = build_task(source, inputs, chain_input.image.size, previous)
            admitted = await admit_writing(tx, source, task, state, job=job)
            problem = admitted if isinstance(admitted, str) else LOST
            job = await jobs.save_written(tx, job, _unwritten(job, problem).to_dict())
    # The price of a model is known before money is reserved.
    if unprepared:
        await _prepare_writers(source, unprepared)
        return await write_job_prompt(source, job, chain_input)
    return job if isinstance(admitted, str) else await _ask(source, job, admitted)


def _unprepared_writers(source: SourceContext) -> list[PromptWriter]:
    writers = [source.writers[name] for name in source.writer_names]
    now = source.app.now()
    return [writer for writer in writers if writer.model_list_call(now) is not None]


async def _prepare_writers(
    source: SourceContext, writers: Sequence[PromptWriter]
) -> None:
    """Let writers read the list of models of their service, once a day."""
    for writer in writers:
        await prepare_writer(writer, source.app.provider_runner, now=source.app.now())


def _find_unused(job: Job, history: Sequence[Job]) -> Writing | None:
    """Return what an earlier job of the same inputs had written; a tick wants more."""
    if job.reason is JobReason.REGENERATE:
        return None
    wanted = (job.fingerprint, job.inputs.get("feedback", ""))
    writings = (Writing.from_dict(other.written) for other in history if other.written)
    return next(
        (
            writing
            for writing in writings
            if writing.prompt and (writing.fingerprint, writing.feedback) == wanted
        ),
        None,
    )


async def _previous_prompts(tx: Tx, job: Job, history: Sequence[Job]) -> list[str]:
    """Return the prompts of a page's images, oldest first, without our additions."""
    by_job = {other.id: other for other in history}
    prompts: list[str] = []
    for image in reversed(await images.of_page(tx, job.source, job.page_id)):
        maker = by_job.get(image.job_id or 0)
        writing = writing_of(maker) if maker is not None else None
        prompts.append(writing.text if writing and writing.text else image.prompt)
    return list(dict.fromkeys(filter(None, prompts)))[-_MAX_PREVIOUS:]


def build_task(
    source: SourceContext, inputs: Inputs, size: ImageFormat, previous: Sequence[str]
) -> WritingTask:
    """Return what the writer is given of a post."""
    return WritingTask(
        title=inputs.title,
        post=inputs.words,
        brand=source.options.writer.brand,
        people=source.options.writer.people,
        style=source.options.prompt.style,
        feedback=inputs.feedback,
        previous_prompts=previous,
        width=size.width,
        height=size.height,
        headline_space=source.options.images.headline == "auto"
        or bool(inputs.headline),
    )


async def _ask(source: SourceContext, job: Job, admitted: AdmittedWriting) -> Job:
    answer = await send_writing(source, admitted)

    async def save() -> Job:
        async with source.app.db.write_transaction() as tx:
            await record_answer(tx, source, admitted, answer)
            writing = _unwritten(job, _problem_of(admitted, answer))
            if isinstance(answer, WritingResult):
                writing = _with_answer(source, job, admitted, answer)
            return await jobs.save_written(tx, job, writing.to_dict())

    return await retry_until_stored(source, save)


def _unwritten(job: Job, problem: str) -> Writing:
    feedback = str(job.inputs.get("feedback", ""))
    return Writing(fingerprint=job.fingerprint, feedback=feedback, problem=problem)


def _problem_of(
    admitted: AdmittedWriting, answer: WritingResult | ProviderError
) -> str:
    is_error = isinstance(answer, ProviderError)
    return f"{admitted.writer.traits.label}: {answer}" if is_error else ""


def _with_answer(
    source: SourceContext, job: Job, admitted: AdmittedWriting, answer: WritingResult
) -> Writing:
    written, inputs = answer.written, Inputs.from_dict(job.inputs)
    prompt, part = frame_prompt(written.prompt, inputs, source.options.prompt)
    return replace(
        _unwritten(job, ""),
        prompt=prompt,
        post_part=[*part],
        text=written.prompt,
        headline=written.headline,
        alt=written.alt,
        writer=admitted.writer.traits.label,
        model=answer.model,
        version=INSTRUCTIONS_VERSION,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdhocPrompt:
    """A prompt that no job needs.

    Attributes:
        author: Who wrote it, for people.
        cost: US dollars of the call that wrote it.
    """

    prompt: str
    author: str
    headline: str = ""
    alt: str = ""
    cost: float = 0.0


async def write_adhoc_prompt(
    source: SourceContext, inputs: Inputs, page_id: str = ""
) -> AdhocPrompt:
    """Return the prompt of some inputs; it asks a writer if there is one.

    Raises:
        FormatError: The format of the inputs does not exist.
    """
    if not may_be_written(source, inputs):
        is_own = inputs.origin == "prompt"
        return AdhocPrompt(prompt=inputs.prompt, author=OWNER if is_own else OWN_RULE)
    await _prepare_writers(source, _unprepared_writers(source))
    task = build_task(source, inputs, parse_format(inputs.format), ())
    async with source.app.db.write_transaction() as tx:
        state = await provider_selection.load_chain_state(tx, source)
        admitted = await admit_writing(tx, source, task, state, page_id=page_id)
    if isinstance(admitted, str):
        return AdhocPrompt(prompt=inputs.prompt, author=f"{OWN_RULE} ({admitted})")
    answer = await send_writing(source, admitted)
    async with source.app.db.write_transaction() as tx:
        await record_answer(tx, source, admitted, answer)
    if isinstance(answer, ProviderError):
        author = f"{OWN_RULE} ({_problem_of(admitted, answer)})"
        cost = answer.price or 0.0
        return AdhocPrompt(prompt=inputs.prompt, author=author, cost=cost)
    written = answer.written
    return AdhocPrompt(
        prompt=frame_prompt(written.prompt, inputs, source.options.prompt)[0],
        author=f"{admitted.writer.traits.label} ({answer.model})",
        headline=written.headline,
        alt=written.alt,
        cost=answer.cost,
    )


async def adopt_prompt(tx: Tx, job: Job) -> None:
    """Make the prompt that a writer wrote for a job the page's own image prompt.

    Raises:
        PostbrushError: No writer has written it, or the page has another pending write.
    """
    writing = writing_of(job)
    if writing is None or not writing.text:
        raise PostbrushError(f"no prompt was written for job {job.id}")
    if job.pending_write:
        raise PostbrushError("the page is being updated; try again in a moment")
    # Template and style are added to the owner's prompt again.
    await jobs.set_pending_prompt(tx, job, writing.text)
