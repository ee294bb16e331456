"""The checks of `check` for image services and prompt writers; none is a paid call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from daemon.cli.check_notion import CheckResult
from daemon.context import SourceContext
from daemon.formatting import format_dollars
from daemon.generation import account_check
from daemon.jobs.allowance import (
    account_record,
    allowance_of,
    describe_allowance,
    describe_missing_right,
)
from providers.account import TokenRight
from providers.base import Response
from providers.model_list import ModelEntry
from providers.outcomes import (
    ProviderError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from providers.provider import Provider
from providers.writers.chat import PromptWriter
from providers.writers.runner import prepare_writer

#: `check` warns so long before a service ends the model.
_WARNING_TIME = timedelta(days=30)
_OFF = (
    "off, so postbrush builds prompts from the posts. For better prompts, add a "
    "Hugging Face or Cloudflare token, or set writer.base_url"
)


async def check_provider(source: SourceContext, name: str) -> list[CheckResult]:
    """Check the token of a provider with its free call, and its model."""
    provider = source.providers[name]
    return [await _check_token(source, provider), *await _check_model(source, provider)]


async def _check_token(source: SourceContext, provider: Provider) -> CheckResult:
    traits = provider.traits
    name = traits.name
    if traits.is_card:
        return CheckResult(name, "text card, rendered on this machine, no charge")
    dollars = source.price_of(name)
    cost = f"{format_dollars(dollars)} per image" if dollars else "no charge"
    price = f"{cost} ({traits.price_source})"
    if not provider.token_check_calls():
        return CheckResult(name, f"{price}; run `postbrush test` to try it")
    try:
        response = await _request_identity(source, provider)
    except UnauthorizedError as error:
        return CheckResult(name, price, _explain_rejection(provider, error))
    except (UnavailableError, TimedOutError) as error:
        return CheckResult(name, price, f"{provider.address}: {error}")
    except ProviderError as error:
        return CheckResult(name, price, str(error))
    where = f" at {provider.address}" if provider.has_own_address else ""
    found = f"token accepted{where}, {price}"
    if left := provider.describe_quota(response):
        found += f"; {left}"
    if not traits.asks_account:
        return CheckResult(name, found)
    return await _check_account(source, provider, response, found)


def _explain_rejection(service: Provider, error: UnauthorizedError) -> str:
    """Return why a service rejects its token, and where to create another one."""
    hint = "Create a new token in your account with this service"
    if service.traits.name == "flux":
        hint = (
            "Create one at huggingface.co/settings/tokens with the permission 'Make "
            "calls to Inference Providers'"
        )
    why = str(error).rstrip(".")
    return f"{service.traits.label} rejects the token: {why}. {hint}"


async def _check_account(
    source: SourceContext, provider: Provider, identity: Response, found: str
) -> CheckResult:
    """Check the rights of a token and the credits of its account.

    Args:
        identity: The response to the check of the token.
        found: What is known about the provider so far.
    """
    traits, missing = provider.traits, provider.missing_rights(identity)
    reading = await account_check.request_usage(source, provider)
    record = account_record(
        traits.name,
        "",
        reading.usage,
        source.app.now(),
        problem=reading.problem,
        missing_rights="",
    )
    allowance = allowance_of(traits, (record, 0.0), 0.0, source.app.now(), "")
    price = source.price_of(traits.name)
    words = describe_allowance(traits, allowance, source.app.clock.zone, price)
    lacks_inference = TokenRight.INFERENCE in missing
    todo = describe_missing_right(TokenRight.INFERENCE) if lacks_inference else ""
    return CheckResult(traits.name, f"{found}; {words}", todo)


async def _check_model(source: SourceContext, provider: Provider) -> list[CheckResult]:
    try:
        entry = await _find_model(source, provider)
    # The row of the provider says that it does not respond.
    except ProviderError:
        return []
    if entry is None:
        return []
    name, label = provider.traits.name, provider.traits.label
    today = source.app.now().date()
    what, change = f"{name} model", f"set providers.{name}.model to another model"
    if not entry.is_listed:
        missing = f"{label} does not offer this model: {change}"
        return [CheckResult(what, provider.model, missing)]
    if entry.ends_on is None or entry.ends_on > today + _WARNING_TIME:
        return [CheckResult(what, provider.model)]
    ends = f"{label} will retire this model on {entry.ends_on:%d %B %Y}: {change}"
    # The model has ended, though it is still in the list.
    if entry.ends_on <= today:
        return [CheckResult(what, provider.model, ends)]
    return [CheckResult(what, provider.model, warning=ends)]


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
            await _request_identity(source, writer)
    except UnauthorizedError as error:
        return CheckResult("writer", found, _explain_rejection(writer, error))
    # Images are made all the same, with prompts of our own rule.
    except ProviderError as error:
        return CheckResult("writer", found, warning=f"{writer.address}: {error}")
    try:
        entry = await _find_model(source, writer)
    except ProviderError as error:
        return CheckResult("writer", found, warning=f"{writer.address}: {error}")
    if entry is not None and not entry.is_listed:
        todo = f"{traits.label} does not offer this model: change writer.model"
        return CheckResult("writer", found, todo)
    return CheckResult("writer", found)


async def _find_model(source: SourceContext, service: Provider) -> ModelEntry | None:
    """Look a model up; None if the service has no list, or one of an unknown format."""
    if (call := service.model_check_call()) is None:
        return None
    response = await source.app.provider_runner.send_once(call, service.traits)
    return service.find_model(response)


async def _request_identity(source: SourceContext, provider: Provider) -> Response:
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
