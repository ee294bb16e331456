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
    prompter.print_title("1 of 5 · Notion token")
    stored = _find_stored_token(session, _NOTION)
    if stored is None and prompter.terminal:
        prompter.print_note(f"Open {CONNECTIONS}, create a connection named")
        prompter.print_note("postbrush, and copy its API token (it begins with ntn_).")
    while True:
        name, value = _ask_token(prompter, _NOTION, stored)
        session.tokens[name] = value
        try:
            bot = session.run_query(lambda source: source.notion.fetch_bot_user())
        except NoAccessError:
            if not prompter.terminal:
                raise
            prompter.print_failure(
                f"Notion rejects this token. Copy it again from {CONNECTIONS}"
            )
            stored = None
            continue
        prompter.print_success(
            f"Token accepted for the workspace '{bot.workspace or bot.name}'."
        )
        _warn_if_overridden(prompter, session, name)
        return bot


def ask_hugging_face_token(prompter: Prompter, session: ApiSession) -> None:
    """Ask for the Hugging Face token until it is accepted or left empty.

    Without a terminal, a rejected token raises SetupError.
    """
    prompter.print_title("5 of 5 · Hugging Face token")
    stored = _find_stored_token(session, _FLUX)
    if stored is None and prompter.terminal:
        prompter.print_note(
            "Optional. Without it, every post gets a text card. Create one at"
        )
        prompter.print_note(
            "https://huggingface.co/settings/tokens/new?tokenType=fineGrained&ownUserPermissions=inference.serverless.write&ownUserPermissions=user.billing.read"
        )
        prompter.print_note(
            "with the permissions that the link selects. It begins with hf_."
        )
    while True:
        name, value = _ask_token(prompter, _FLUX, stored)
        if not value:
            prompter.print_success(
                "Cards only. Run `postbrush init` again to add a token later."
            )
            return
        session.tokens[name] = value
        try:
            session.run_query(_check_flux_token)
        except UnauthorizedError as error:
            if not prompter.terminal:
                raise SetupError(
                    f"Hugging Face rejects the token in {name}: {error}"
                ) from error
            prompter.print_failure(f"Hugging Face rejects this token: {error}")
            del session.tokens[name]
            stored = None
            continue
        except ProviderError as error:
            prompter.print_failure(
                f"Hugging Face cannot be reached ({error}). The token is kept untested."
            )
        else:
            prompter.print_success("Token accepted. The test was free of charge.")
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
    hint = f"press Enter to keep the one from {stored.origin}; " if stored else ""
    hint = hint or (f"press Enter for {token_type.none}; " if token_type.none else "")
    missing = (
        f"The {token_type.whose} token is missing. Put it in the environment variable "
        f"{token_type.names[0]}"
    )
    while True:
        answer = prompter.ask_secret(f"Token ({hint}your input is hidden): ", missing)
        if not answer and (stored or token_type.none):
            return default
        token, removed = secret.clean_token(answer, token_type.names)
        if not token:
            prompter.print_failure(
                "Nothing was entered. Paste the token, then press Enter."
            )
        elif not secret.looks_like_token(token):
            prompter.print_failure("This is not a token. Copy it again.")
        elif wrong := secret.explain_other_owner(token, token_type.whose):
            prompter.print_failure(f"This {wrong}.")
        else:
            if removed:
                prompter.print_note(f"Removed from the token: {', '.join(removed)}.")
            return token_type.names[0], token


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
            f"The environment variable {name} holds another token, which takes "
            f"precedence. Run: unset {name}"
        )
