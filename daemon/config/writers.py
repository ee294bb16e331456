"""The entry `[writer]`: the prompt writers that can be used, and their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from daemon.config import entries
from daemon.config.model import Options, ProviderOptions, WriterSection
from daemon.config.secret import WRITER, Secrets
from providers.base import ProviderSettings
from providers.writers import KINDS

#: The image service on whose account a writer of each kind is billed.  It may have an
#: address of its own, and the name of the writer ends with it (`db.spending`).
ACCOUNTS = {"huggingface": "flux", "cloudflare": "cloudflare", "openai": "openai"}
#: A token for OpenAI is not sent to other servers that speak its protocol.
_OPENAI_HOST = "api.openai.com"
#: The settings that make it another service.
_SERVICE = {"kind", "base_url", "model"}


def list_writers(
    options: Options, secrets: Secrets, source: str
) -> list[ProviderSettings]:
    """Return the settings of each writer that a source can use, with its token.

    Args:
        options: The settings of the source.
    """
    return [
        _settings_of(options, secrets, kind, _name_of(options, kind, source))
        for kind in _allowed_kinds(options.writer)
        if missing_requirement(options, secrets, kind) is None
    ]


def missing_requirement(options: Options, secrets: Secrets, kind: str) -> str | None:
    """Return what a kind of writer needs before it can be used, None if nothing."""
    for need in KINDS[kind].required_settings:
        if need == "token" and _token_of(options, secrets, kind) is None:
            return f"needs {KINDS[kind].token_variables[0]}"
        if need == "account" and _account_of(options, secrets, kind) is None:
            return f"needs {KINDS[kind].account_variable}"
        if need == "base_url" and options.writer.base_url is None:
            return "needs base_url in [writer]"
    return None


def check_writer(options: Options, secrets: Secrets, *, ready: bool) -> Iterator[str]:
    """Yield the problems of `[writer]`.

    Args:
        ready: Whether a missing token is a problem.
    """
    section = options.writer
    if section.use == "off":
        return
    if section.kind and ready:
        lack = missing_requirement(options, secrets, section.kind)
        if lack is not None:
            unset = "" if "[" in lack else ", which is not set"
            yield f"writer: {section.kind} {lack}{unset}"
    if not _names_service(section) and secrets.first_value(WRITER):
        yield (
            f"{WRITER[0]} is set, but not the service it belongs to. Set writer.kind "
            "or writer.base_url"
        )


def _allowed_kinds(section: WriterSection) -> list[str]:
    if section.use == "off":
        return []
    if section.kind is not None:
        return [section.kind]
    # An address without a kind is a server of the owner's.
    return ["openai"] if section.base_url is not None else list(KINDS)


def _names_service(section: WriterSection) -> bool:
    return section.kind is not None or section.base_url is not None


def _name_of(options: Options, kind: str, source: str) -> str:
    """Return the name of a writer's breaker and calls."""
    name, own = f"writer:{ACCOUNTS[kind]}", options.sources.get(source)
    # Another service or model fails for other reasons.
    differs = own is not None and own.writer.model_fields_set & _SERVICE
    return f"{name}:{source}" if differs else name


def _settings_of(
    options: Options, secrets: Secrets, kind: str, name: str
) -> ProviderSettings:
    section, account = options.writer, _account_entry(options, kind)
    return ProviderSettings(
        name=name,
        kind=kind,
        token=_token_of(options, secrets, kind),
        account=_account_of(options, secrets, kind),
        base_url=section.base_url or account.base_url,
        hub_url=account.hub_url,
        model=section.model,
        timeout=section.timeout.total_seconds(),
        price=section.price,
        extra={},
    )


def _account_entry(options: Options, kind: str) -> ProviderOptions:
    """Return the entry of the image service on the same account, or an empty one."""
    name, services = ACCOUNTS[kind], options.providers
    is_own = kind != "openai" and entries.kind_name(services, name) == name
    return services.get(name, ProviderOptions()) if is_own else ProviderOptions()


def _token_variables(section: WriterSection, kind: str) -> tuple[str, ...]:
    own = WRITER if _names_service(section) else ()
    host = urlsplit(section.base_url or "").hostname
    if kind == "openai" and host != _OPENAI_HOST:
        return own
    return (*own, *KINDS[kind].token_variables)


def _token_of(options: Options, secrets: Secrets, kind: str) -> str | None:
    return secrets.first_value(_token_variables(options.writer, kind))


def _account_of(options: Options, secrets: Secrets, kind: str) -> str | None:
    named = _account_entry(options, kind).account
    variable = KINDS[kind].account_variable
    return named or (secrets.first_value((variable,)) if variable else None)
