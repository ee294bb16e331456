"""The questions about tokens, which are read without echo and tested at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.cli.setup.dialog import ApiSession, Prompter
from daemon.config import secret
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.notion.errors import NoAccessError
from daemon.notion.model import BotUser
from daemon.notion.responses import CONNECTIONS
from providers import KINDS
from providers.outcomes import ProviderError, UnauthorizedError

#: Prefixes of tokens, and the service each belongs to.
_WHOSE = {"hf_": "Hugging Face", "ntn_": "Notion", "secret_": "Notion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _TokenType:
    """The token of one service; it is stored under the first of its variables."""

    whose: str
    names: tuple[str, ...]
    none: str = ""  #: The effect of having none; "" if it is required.


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredToken:
    """A token that is already configured, and where it was found."""

    name: str
    value: str = field(repr=False)
    origin: str


_NOTION = _TokenType(whose="Notion", names=secret.NOTION)
_FLUX = _TokenType(
    whose="Hugging Face", names=KINDS["flux"].token_variables, none="cards only"
)


def ask_notion_token(prompter: Prompter, session: ApiSession) -> BotUser:
    """Ask for the Notion token until it is accepted; NoAccessError off a terminal."""
    prompter.print_title("1 of 5 · The token of Notion")
    stored = _find_stored_token(session, _NOTION)
    if stored is None and prompter.terminal:
        prompter.print_note(f"Open {CONNECTIONS}, make a connection called")
        prompter.print_note("postbrush, and copy its API token. It begins with ntn_.")
    while True:
        name, value = _ask_token(prompter, _NOTION, stored)
        session.tokens[name] = value
        try:
            bot = session.run_query(lambda source: source.notion.fetch_bot_user())
        except NoAccessError:
            if not prompter.terminal:
                raise
            prompter.print_failure(
                f"Notion refuses this token: copy it anew from {CONNECTIONS}"
            )
            stored = None
            continue
        prompter.print_success(
            f"It belongs to the workspace '{bot.workspace or bot.name}'."
        )
        _warn_if_overridden(prompter, session, name)
        return bot


def ask_hugging_face_token(prompter: Prompter, session: ApiSession) -> None:
    """Ask for the Hugging Face token until it is accepted or left empty.

    Without a terminal, a rejected token raises SetupError.
    """
    prompter.print_title("5 of 5 · The token of Hugging Face")
    stored = _find_stored_token(session, _FLUX)
    if stored is None and prompter.terminal:
        prompter.print_note(
            "Optional: without it, every post gets a lettered card. Make one at"
        )
        prompter.print_note(
            "https://huggingface.co/settings/tokens/new?tokenType=fineGrained"
            "&ownUserPermissions=inference.serverless.write"
            "&ownUserPermissions=user.billing.read"
        )
        prompter.print_note(
            "(Make calls to Inference Providers; Billing: read). It begins with hf_."
        )
    while True:
        name, value = _ask_token(prompter, _FLUX, stored)
        if not value:
            prompter.print_success("Cards only. Run init again to add a token later.")
            return
        session.tokens[name] = value
        try:
            session.run_query(_check_flux_token)
        except UnauthorizedError as error:
            if not prompter.terminal:
                raise SetupError(
                    f"Hugging Face refuses the token in {name}: {error}"
                ) from error
            prompter.print_failure(f"Hugging Face refuses this token: {error}")
            del session.tokens[name]
            stored = None
            continue
        except ProviderError as error:
            prompter.print_failure(
                f"Hugging Face does not answer ({error}); the token is kept."
            )
        else:
            prompter.print_success("Hugging Face knows it. Nothing was paid.")
        _warn_if_overridden(prompter, session, name)
        return


async def _check_flux_token(source: SourceContext) -> None:
    """Check the token with a free call."""
    provider = source.providers["flux"]
    if (call := provider.token_check_call()) is not None:
        provider.raise_for_error(
            await source.app.provider_runner.send_once(call, provider.traits)
        )


def _ask_token(
    prompter: Prompter, token_type: _TokenType, stored: _StoredToken | None
) -> tuple[str, str]:
    """Return the environment variable and the token; "" for no token."""
    default = (stored.name, stored.value) if stored else (token_type.names[0], "")
    if (stored or token_type.none) and (prompter.yes or not prompter.terminal):
        return default
    hint = f"Enter: the one from {stored.origin}; " if stored else ""
    hint = hint or (f"Enter: {token_type.none}; " if token_type.none else "")
    missing = f"no token of {token_type.whose}: put it into {token_type.names[0]}"
    while True:
        answer = prompter.ask_secret(
            f"Token ({hint}what you paste is not shown): ", missing
        )
        if not answer and (stored or token_type.none):
            return default
        if _is_acceptable(prompter, answer, token_type.whose):
            return token_type.names[0], answer


def _is_acceptable(prompter: Prompter, answer: str, service: str) -> bool:
    owner = next(
        (name for head, name in _WHOSE.items() if answer.startswith(head)), service
    )
    if not secret.looks_like_token(answer):
        prompter.print_failure(
            "That does not look like a token: it is one line without spaces."
        )
        return False
    if owner != service:
        prompter.print_failure(
            f"That is a token of {owner}; here the one of {service} is needed."
        )
        return False
    return True


def _find_stored_token(
    session: ApiSession, token_type: _TokenType
) -> _StoredToken | None:
    """Return the configured token, or None."""
    secrets = session.load_settings().secrets
    for name in token_type.names:
        if name in secrets.found:
            value = secrets.found[name].get_secret_value()
            return _StoredToken(name=name, value=value, origin=secrets.origins[name])
    return None


def _warn_if_overridden(prompter: Prompter, session: ApiSession, name: str) -> None:
    """Warn if the environment overrides the token that will be written."""
    other = session.environ.get(name, "").strip()
    if other and other != session.tokens[name]:
        prompter.print_failure(
            f"{name} in the environment is another token, and wins: unset {name}"
        )
