"""What a prompt writer made of a job's post; stored with the job as JSON.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db.models import ImageRecord, Job

#: Who wrote a prompt, for people.
OWNER, OWN_RULE = "the owner, in Notion", "postbrush, from the post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A writer's answer to the inputs of a job, or why there is none.

    Attributes:
        fingerprint: Of the inputs that the writer was given.
        feedback: That the writer was given.
        prompt: The prompt to send, with the owner's template and style; empty: our own
            rule applies.
        post_part: See `Inputs`.
        text: The prompt as the writer wrote it.
        headline: Words for the image, in the language of the post; may be empty.
        alt: Alternative text, in the language of the post; may be empty.
        writer: The label of the writer.
        version: Of the writer's instructions.
        problem: Why our own rule applies; empty with a prompt.
    """

    fingerprint: str
    feedback: str
    prompt: str = ""
    post_part: Sequence[int] = ()
    text: str = ""
    headline: str = ""
    alt: str = ""
    writer: str = ""
    model: str = ""
    version: int = 0
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Writing:
        """Return what `to_dict` wrote."""
        return cls(**values)


def writing_of(job: Job) -> Writing | None:
    """Return what a writer made of the job's present inputs, None if it was not asked.

    A newer request that the job has absorbed may have other inputs.
    """
    if job.written is None:
        return None
    writing = Writing.from_dict(job.written)
    inputs = (job.fingerprint, job.inputs.get("feedback", ""))
    return writing if (writing.fingerprint, writing.feedback) == inputs else None


def writing_for_image(job: Job, image: ImageRecord) -> Writing | None:
    """Return the answer of a writer that an image of the job was made of, or None."""
    if job.written is None or image.is_card:
        return None
    writing = Writing.from_dict(job.written)
    is_used = bool(writing.prompt) and writing.fingerprint == image.fingerprint
    return writing if is_used else None


def prompt_of(job: Job) -> str:
    """Return the prompt of a job's images, before it is cut to a service's limit."""
    writing = writing_of(job)
    written = writing.prompt if writing is not None else ""
    return written or str(job.inputs.get("prompt", ""))


def describe_author(job: Job) -> str:
    """Return who wrote the prompt of a job, for people."""
    if job.inputs.get("origin") == "prompt":
        return OWNER
    writing = writing_of(job)
    if writing is None:
        return OWN_RULE
    if writing.problem:
        return f"{OWN_RULE} ({writing.problem.rstrip('.')})"
    return f"{writing.writer} ({writing.model})" if writing.model else writing.writer
