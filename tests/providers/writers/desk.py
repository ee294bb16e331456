"""One prompt writer, its pretend service, and a clock that stands still."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from providers.base import ProviderSettings, Response
from providers.runner import ProviderRunner
from providers.writers import build_writer
from providers.writers.base import WritingTask
from providers.writers.chat import PromptWriter
from providers.writers.runner import WritingResult, write_prompt
from tests.providers.desk import NOW
from tests.providers.fakes.chat import FakeChatApi

TASK = WritingTask(
    title="Overnight sourdough",
    post="Fresh sourdough bread from 7:00, $4.90 a loaf!",
    width=1080,
    height=1080,
)

GOOD = {
    "prompt": "Crusty sourdough loaves on a wooden rack in the warm light of dawn.",
    "headline": "Fresh sourdough",
    "alt": "Sourdough loaves on a wooden rack.",
}
ANSWER = json.dumps(GOOD)


def json_response(body: object) -> Response:
    """Return a good response."""
    return Response(200, {}, json.dumps(body).encode())


def settings_for(kind: str, fake: FakeChatApi) -> ProviderSettings:
    """Return the configuration of a writer that asks *fake*."""
    return ProviderSettings(
        name=f"writer:{kind}",
        kind=kind,
        token=fake.token,
        base_url=fake.url,
        hub_url=fake.url,
        account="acc",
    )


@dataclass
class WriterDesk:
    """A writer and what it asks."""

    kind: str
    fake: FakeChatApi
    writer: PromptWriter
    seconds: float = 0.0

    def configure(self, **settings: object) -> None:
        """Configure the writer anew."""
        given = settings_for(self.kind, self.fake)
        self.writer = build_writer(replace(given, **settings))  # type: ignore[arg-type]  # its fields

    async def write(self, task: WritingTask = TASK) -> WritingResult:
        runner = ProviderRunner(monotonic=lambda: self.seconds)
        try:
            return await write_prompt(self.writer, task, runner, now=NOW)
        finally:
            await runner.close()
