"""Checks the prompt writers without a paid call."""

from __future__ import annotations

from collections.abc import AsyncIterator

from daemon.cli.check_notion import CheckResult
from daemon.context import SourceContext
from daemon.formatting import format_dollars
from providers.base import Response
from providers.outcomes import ProviderError, UnauthorizedError
from providers.provider import Provider
from providers.writers.base import PromptWriter
from providers.writers.runner import prepare_writer

_OFF = (
    "off, so postbrush builds prompts from the posts. For better prompts, add a "
    "Hugging Face or Cloudflare token, or set writer.base_url"
)


async def check_writers(source: SourceContext) -> AsyncIterator[CheckResult]:
    """Check the writers of a source, the one that is asked first before the others."""
    if source.options.writer.use == "off":
        yield CheckResult("writer", "off, so postbrush builds prompts from the posts")
    elif not source.writer_names:
        yield CheckResult("writer", _OFF)
    for name in source.writer_names:
        yield await _check_writer(source, source.writers[name])


async def _check_writer(source: SourceContext, writer: PromptWriter) -> CheckResult:
    runner, traits = source.app.provider_runner, writer.traits
    await prepare_writer(writer, runner, now=source.app.now())
    dollars = source.price_of(traits.name)
    cost = f"{format_dollars(dollars)} per post" if dollars else "no charge"
    found = f"{traits.label}, {writer.model or 'its default model'}: {cost}"
    try:
        if writer.token_check_calls():
            await request_identity(source, writer)
    except UnauthorizedError as error:
        why = str(error).rstrip(".")
        todo = (
            f"{traits.label} rejects the token: {why}. Create a new token in your "
            "account with this service"
        )
        return CheckResult("writer", found, todo)
    # Images are made all the same, with prompts of our own rule.
    except ProviderError as error:
        return CheckResult("writer", found, warning=f"{writer.address}: {error}")
    return await _check_model(source, writer, found)


async def _check_model(
    source: SourceContext, writer: PromptWriter, found: str
) -> CheckResult:
    """Look the model up where the service has a list of its models."""
    call = writer.model_check_call()
    entry = None
    if call is not None:
        try:
            entry = writer.find_model(
                await source.app.provider_runner.send_once(call, writer.traits)
            )
        except ProviderError as error:
            return CheckResult("writer", found, warning=f"{writer.address}: {error}")
    if entry is not None and not entry.is_listed:
        todo = f"{writer.traits.label} does not offer this model: change writer.model"
        return CheckResult("writer", found, todo)
    return CheckResult("writer", found)


async def request_identity(source: SourceContext, provider: Provider) -> Response:
    """Return the response to the first free call that accepts the token.

    Raises:
        ProviderError: The first error, if none accepts it.
    """
    errors: list[ProviderError] = []
    for call in provider.token_check_calls():
        try:
            response = await source.app.provider_runner.send_once(call, provider.traits)
            provider.raise_for_error(response)
        except UnauthorizedError as error:
            errors.append(error)
        else:
            return response
    raise errors[0]
