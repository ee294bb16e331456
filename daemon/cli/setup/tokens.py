"""The two questions about tokens: hidden, tried at once, shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.cli.setup.api_session import ApiSession
from daemon.cli.setup.prompts import Prompter
from daemon.config import secret
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.notion.error_classes import CONNECTIONS
from daemon.notion.errors import NoAccessError
from daemon.notion.model import BotUser
from providers import KINDS
from providers.outcomes import ProviderError, UnauthorizedError

#: What a token begins with, and whose it is.
_WHOSE = {"hf_": "Hugging Face", "ntn_": "Notion", "secret_": "Notion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _TokenType:
    """Whose token is asked for; the first of its variables is where it goes."""

    whose: str
    names: tuple[str, ...]
    none: str = ""  #: What it means to have none; "": there must be one.


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredToken:
    """A token there is already, and where it was found."""

    name: str
    value: str = field(repr=False)
    origin: str


_NOTION = _TokenType(whose="Notion", names=secret.NOTION)
_FLUX = _TokenType(whose="Hugging Face", names=KINDS["flux"].tokens, none="cards only")


def ask_notion_token(talk: Prompter, visit: ApiSession) -> BotUser:
    """Ask for the token of Notion until Notion knows it."""
    talk.print_title("1 of 5 · The token of Notion")
    kept = _find_stored_token(visit, _NOTION)
    if kept is None and talk.terminal:
        talk.print_note(f"Open {CONNECTIONS}, make a connection called")
        talk.print_note("postbrush, and copy its API token. It begins with ntn_.")
    while True:
        name, value = _ask_token(talk, _NOTION, kept)
        visit.tokens[name] = value
        try:
            me = visit.run_query(lambda flow: flow.door.fetch_bot_user())
        except NoAccessError:
            # Nobody there to give another one.
            if not talk.terminal:
                raise
            talk.print_failure(
                f"Notion refuses this token: copy it anew from {CONNECTIONS}"
            )
            kept = None
            continue
        talk.print_success(f"It belongs to the workspace '{me.workspace or me.name}'.")
        _warn_if_overridden(talk, visit, name)
        return me


def ask_hugging_face_token(talk: Prompter, visit: ApiSession) -> None:
    """Ask for the token of Hugging Face until it knows it, or there shall be none."""
    talk.print_title("5 of 5 · The token of Hugging Face")
    kept = _find_stored_token(visit, _FLUX)
    if kept is None and talk.terminal:
        talk.print_note(
            "Optional: without it, every post gets a lettered card. Make one at"
        )
        talk.print_note("https://huggingface.co/settings/tokens/new?preset=inference")
        talk.print_note("(Make calls to Inference Providers). It begins with hf_.")
    while True:
        name, value = _ask_token(talk, _FLUX, kept)
        if not value:
            talk.print_success("Cards only. Run init again to add a token later.")
            return
        visit.tokens[name] = value
        try:
            visit.run_query(_check_flux_token)
        except UnauthorizedError as error:
            # Nobody there to give another one.
            if not talk.terminal:
                raise SetupError(
                    f"Hugging Face refuses the token in {name}: {error}"
                ) from error
            talk.print_failure(f"Hugging Face refuses this token: {error}")
            del visit.tokens[name]
            kept = None
            continue
        except ProviderError as error:
            talk.print_failure(
                f"Hugging Face does not answer ({error}); the token is kept."
            )
        else:
            talk.print_success("Hugging Face knows it. Nothing was paid.")
        _warn_if_overridden(talk, visit, name)
        return


async def _check_flux_token(flow: SourceContext) -> None:
    """Ask whose token it is; nothing is paid for that."""
    provider = flow.providers["flux"]
    if (call := provider.token_check_call()) is not None:
        provider.raise_for_error(await flow.studio.send_once(call, provider.traits))


def _ask_token(
    talk: Prompter, kind: _TokenType, kept: _StoredToken | None
) -> tuple[str, str]:
    """Return the variable and the token; "" for none."""
    usual = (kept.name, kept.value) if kept else (kind.names[0], "")
    # What there is, or none where none will do, is accepted without a question.
    if (kept or kind.none) and (talk.yes or not talk.terminal):
        return usual
    hint = f"Enter: the one from {kept.origin}; " if kept else ""
    hint = hint or (f"Enter: {kind.none}; " if kind.none else "")
    missing = f"no token of {kind.whose}: put it into {kind.names[0]}"
    while True:
        said = talk.ask_secret(f"Token ({hint}what you paste is not shown): ", missing)
        if not said and (kept or kind.none):
            return usual
        if _is_acceptable(talk, said, kind.whose):
            return kind.names[0], said


def _is_acceptable(talk: Prompter, said: str, wanted: str) -> bool:
    whose = next((who for head, who in _WHOSE.items() if said.startswith(head)), wanted)
    if not secret.looks_like_token(said):
        talk.print_failure(
            "That does not look like a token: it is one line without spaces."
        )
        return False
    if whose != wanted:
        talk.print_failure(
            f"That is a token of {whose}; here the one of {wanted} is needed."
        )
        return False
    return True


def _find_stored_token(visit: ApiSession, kind: _TokenType) -> _StoredToken | None:
    """Return a token there is already."""
    found = visit.load_settings().secrets
    for name in kind.names:
        if name in found.found:
            value = found.found[name].get_secret_value()
            return _StoredToken(name=name, value=value, origin=found.origins[name])
    return None


def _warn_if_overridden(talk: Prompter, visit: ApiSession, name: str) -> None:
    """Say when the environment would win over what is written."""
    other = visit.environ.get(name, "").strip()
    if other and other != visit.tokens[name]:
        talk.print_failure(
            f"{name} in the environment is another token, and wins: unset {name}"
        )
