"""The two questions about tokens: hidden, tried at once, shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.config import secret
from daemon.errors import SetupError
from daemon.flow.context import Flow
from daemon.notion.answers import CONNECTIONS
from daemon.notion.errors import NoAccessError
from daemon.notion.model import Me
from daemon.setup.talk import Talk
from daemon.setup.visit import Visit
from providers import KINDS
from providers.outcomes import BadTokenError, ProviderError

#: What a token begins with, and whose it is.
_WHOSE = {"hf_": "Hugging Face", "ntn_": "Notion", "secret_": "Notion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Whose token is asked for; the first of its variables is where it goes."""

    whose: str
    names: tuple[str, ...]
    none: str = ""  #: What it means to have none; "": there must be one.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A token there is already, and where it was found."""

    name: str
    value: str = field(repr=False)
    origin: str


_NOTION = _Kind(whose="Notion", names=secret.NOTION)
_FLUX = _Kind(whose="Hugging Face", names=KINDS["flux"].tokens, none="cards only")


def notion(talk: Talk, visit: Visit) -> Me:
    """Ask for the token of Notion until Notion knows it."""
    talk.title("1 of 5 · The token of Notion")
    kept = _known(visit, _NOTION)
    if kept is None and talk.terminal:
        talk.note(f"Open {CONNECTIONS}, make a connection called")
        talk.note("postbrush, and copy its API token. It begins with ntn_.")
    while True:
        name, value = _answer(talk, _NOTION, kept)
        visit.tokens[name] = value
        try:
            me = visit.ask(lambda flow: flow.door.me())
        except NoAccessError:
            # Nobody there to give another one.
            if not talk.terminal:
                raise
            talk.bad(f"Notion refuses this token: copy it anew from {CONNECTIONS}")
            kept = None
            continue
        talk.good(f"It belongs to the workspace '{me.workspace or me.name}'.")
        _warn(talk, visit, name)
        return me


def hugging_face(talk: Talk, visit: Visit) -> None:
    """Ask for the token of Hugging Face until it knows it, or there shall be none."""
    talk.title("5 of 5 · The token of Hugging Face")
    kept = _known(visit, _FLUX)
    if kept is None and talk.terminal:
        talk.note("Optional: without it, every post gets a lettered card. Make one at")
        talk.note("https://huggingface.co/settings/tokens/new?preset=inference")
        talk.note("(Make calls to Inference Providers). It begins with hf_.")
    while True:
        name, value = _answer(talk, _FLUX, kept)
        if not value:
            talk.good("Cards only. Run init again to add a token later.")
            return
        visit.tokens[name] = value
        try:
            visit.ask(_try_flux)
        except BadTokenError as error:
            # Nobody there to give another one.
            if not talk.terminal:
                raise SetupError(
                    f"Hugging Face refuses the token in {name}: {error}"
                ) from error
            talk.bad(f"Hugging Face refuses this token: {error}")
            del visit.tokens[name]
            kept = None
            continue
        except ProviderError as error:
            talk.bad(f"Hugging Face does not answer ({error}); the token is kept.")
        else:
            talk.good("Hugging Face knows it. Nothing was paid.")
        _warn(talk, visit, name)
        return


async def _try_flux(flow: Flow) -> None:
    """Ask whose token it is; nothing is paid for that."""
    provider = flow.providers["flux"]
    if (call := provider.account()) is not None:
        provider.check(await flow.studio.once(call, provider.traits))


def _answer(talk: Talk, kind: _Kind, kept: _Kept | None) -> tuple[str, str]:
    """Return the variable and the token; "" for none."""
    usual = (kept.name, kept.value) if kept else (kind.names[0], "")
    # What there is, or none where none will do, is accepted without a question.
    if (kept or kind.none) and (talk.yes or not talk.terminal):
        return usual
    hint = f"Enter: the one from {kept.origin}; " if kept else ""
    hint = hint or (f"Enter: {kind.none}; " if kind.none else "")
    missing = f"no token of {kind.whose}: put it into {kind.names[0]}"
    while True:
        said = talk.secret(f"Token ({hint}what you paste is not shown): ", missing)
        if not said and (kept or kind.none):
            return usual
        if _fine(talk, said, kind.whose):
            return kind.names[0], said


def _fine(talk: Talk, said: str, wanted: str) -> bool:
    whose = next((who for head, who in _WHOSE.items() if said.startswith(head)), wanted)
    if not secret.looks_like_one(said):
        talk.bad("That does not look like a token: it is one line without spaces.")
        return False
    if whose != wanted:
        talk.bad(f"That is a token of {whose}; here the one of {wanted} is needed.")
        return False
    return True


def _known(visit: Visit, kind: _Kind) -> _Kept | None:
    """Return a token there is already."""
    found = visit.settings().secrets
    for name in kind.names:
        if name in found.found:
            value = found.found[name].get_secret_value()
            return _Kept(name=name, value=value, origin=found.origins[name])
    return None


def _warn(talk: Talk, visit: Visit, name: str) -> None:
    """Say when the environment would win over what is written."""
    other = visit.environ.get(name, "").strip()
    if other and other != visit.tokens[name]:
        talk.bad(f"{name} in the environment is another token, and wins: unset {name}")
