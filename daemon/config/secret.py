"""Reads secrets: environment, the file it names, systemd credentials, `secrets/`."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from daemon.places import SECRETS_NAME

NOTION = ("NOTION_TOKEN",)
WEB = ("WEB_PASSWORD",)
#: Several addresses, on one or more lines.
NOTIFY = ("NOTIFY_URLS",)
DATABASE = ("DATABASE_PASSWORD",)
#: Of the service that `[writer]` names.
WRITER = ("WRITER_TOKEN",)
#: Both parts of the key for `images.store`.
STORE = (("AWS_ACCESS_KEY_ID",), ("AWS_SECRET_ACCESS_KEY",))
_CREDENTIALS, _CREDENTIAL_PREFIX = "systemd credentials", "postbrush."
#: Where a secret belongs, in messages; the service has another place.
PLACE = "a file of that name in secrets/, or in the environment"
_SERVICE_PLACE = "the file /etc/credstore/postbrush.NAME"
_LONGEST = 1000
_LEAST_PASSWORD = 8
_LONGEST_LIST = 20_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: Secrets that are not tokens: every character of theirs counts.
_FREE_TEXTS = (WEB, DATABASE, NOTIFY)
#: Prefixes of tokens, and the service each belongs to.
_OWNERS = {"hf_": "Hugging Face", "ntn_": "Notion", "secret_": "Notion"}
_HEADS = {"Hugging Face": "hf_", "Notion": "ntn_"}
_INVISIBLE = r"[\ufeff\u200b-\u200d\u2060]"
_QUOTES = r"^[\"'`\u2018-\u201f]+|[\"'`\u2018-\u201f]+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets of a process; their repr does not show them.

    Attributes:
        found: The secrets by variable.
        origins: The origin of each secret by variable.
        exposed: A line for each file that other users can read, with the remedy.
            They are used all the same, since some disks have no permissions.
        others: Secret parts of the configuration, such as addresses with tokens.
        cleaned: A line for each token that was pasted with something around it.
    """

    found: Mapping[str, SecretStr]
    origins: Mapping[str, str]
    exposed: tuple[str, ...] = ()
    others: Sequence[SecretStr] = ()
    cleaned: tuple[str, ...] = ()

    @property
    def web_password(self) -> SecretStr | None:
        """Return the password of the web page, None without one."""
        return self.found.get(WEB[0])

    def first_value(self, names: Sequence[str]) -> str | None:
        """Return the first value of some variables in plain text, None without one."""
        for name in names:
            if name in self.found:
                return self.found[name].get_secret_value()
        return None

    def all_values(self) -> list[str]:
        """Return every secret in plain text, only for the redaction of the log."""
        return [
            text.get_secret_value() for text in (*self.found.values(), *self.others)
        ]


def name_service_place(text: str) -> str:
    """Return a message that names where the secrets of the service belong."""
    return text.replace(PLACE, _SERVICE_PLACE)


def looks_like_token(value: str, longest: int = _LONGEST) -> bool:
    """Return whether a text could be a token of at most *longest* characters."""
    is_word = value.isascii() and value.isprintable() and " " not in value
    return is_word and 0 < len(value) <= longest


def clean_token(text: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """Return a pasted token alone, and what was removed: quotes, a line break, ...

    Args:
        names: Variables of the token, such as "NOTION_TOKEN=" in front of it.
    """
    name = rf"^(?:export)?(?:{'|'.join(map(re.escape, names))})="
    value, removed = re.sub(_INVISIBLE, "", text.strip()).strip(), []
    if value != text.strip():
        removed.append("invisible characters")
    for what, pattern in (
        ("spaces or line breaks", r"\s+"),
        ("quotes", _QUOTES),
        (f'"{names[0]}="', name),
        ("quotes", _QUOTES),
    ):
        shorter = re.sub(pattern, "", value)
        if shorter != value and what not in removed:
            removed.append(what)
        value = shorter
    return value, removed


def explain_other_owner(value: str, service: str) -> str | None:
    """Return what is wrong with a token of another service; None if it may be right."""
    owners = (own for head, own in _OWNERS.items() if value.startswith(head))
    if (owner := next(owners, None)) in {None, service}:
        return None
    return (
        f"is a {owner} token. A {service} token is needed here: it begins with "
        f"{_HEADS[service]}"
    )


def read_secrets(
    environ: Mapping[str, str],
    wanted: Iterable[Sequence[str]],
    problems: list[str],
    folder: Path,
) -> Secrets:
    """Read the secrets, and add a line to *problems* for each invalid one.

    Args:
        wanted: For each secret its variables, of which the first one set counts.
        folder: `secrets/`, which is searched last and need not exist.
    """
    files = _list_files(folder, problems)
    origins: dict[str, str] = {}
    found: dict[str, SecretStr] = {}
    cleaned: list[str] = []
    for names in wanted:
        for name in names:
            # Several entries may share a variable, which was read for another one.
            if name in found:
                break
            value, origin = _look_up(name, environ, files, problems)
            if value is None:
                continue
            where = "environment variable" if origin == name else origin
            if names not in _FREE_TEXTS:
                value, removed = clean_token(value, names)
                if removed:
                    cleaned.append(
                        f"{name} ({where}) contains {' and '.join(removed)} beside the "
                        "token. postbrush ignores them; store the token alone"
                    )
            if problem := _secret_problem(names, name, value):
                problems.append(f"{name} ({where}) {problem}")
                continue
            origins[name], found[name] = origin, SecretStr(value)
            break
    used = [files[name] for name in found if origins[name] == str(files.get(name))]
    exposed = [path for path in used if path.stat().st_mode & _OTHERS]
    return Secrets(
        found=found,
        origins=origins,
        exposed=tuple(
            f"Other users can read {path}. Run: chmod 600 {path}" for path in exposed
        ),
        cleaned=tuple(cleaned),
    )


def _list_files(folder: Path, problems: list[str]) -> dict[str, Path]:
    try:
        return {path.name: path for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        problems.append(f"The folder {folder} cannot be read: {error.strerror}")
        return {}


def _secret_problem(names: Sequence[str], name: str, value: str) -> str | None:
    """Return the problem of a secret, None if it is valid."""
    if names is WEB:
        # A person chooses this password, so only its length matters.
        is_valid = value.isprintable() and _LEAST_PASSWORD <= len(value) <= _LONGEST
        return None if is_valid else "must have at least eight characters"
    if names is DATABASE:
        # The database server decides the form of this password.
        is_valid = value.isprintable() and len(value) <= _LONGEST
        return None if is_valid else "is too long, or has unprintable characters"
    if names is NOTIFY:
        is_valid = looks_like_token("".join(value.split()), _LONGEST_LIST)
        return None if is_valid else "must be addresses such as ntfy://ntfy.sh/topic"
    if not looks_like_token(value):
        return "is not a token: it is empty, too long or has unusual characters"
    if name.startswith(NOTION[0]):
        return explain_other_owner(value, "Notion")
    if name in {"HUGGINGFACE_TOKEN", "HF_TOKEN"}:
        return explain_other_owner(value, "Hugging Face")
    return None


def _look_up(
    name: str,
    environ: Mapping[str, str],
    files: Mapping[str, Path],
    problems: list[str],
) -> tuple[str | None, str]:
    """Return the value of a variable and its origin."""
    if value := environ.get(name, "").strip():
        return value, name
    if path := environ.get(f"{name}_FILE", ""):
        return _from_file(Path(path), f"{name}_FILE", problems), f"{name}_FILE"
    for credential in credential_paths(environ, name):
        if credential.is_file():
            return _from_file(credential, _CREDENTIALS, problems), _CREDENTIALS
    if name in files:
        return _from_file(files[name], SECRETS_NAME, problems), str(files[name])
    return None, ""


def credential_paths(environ: Mapping[str, str], name: str) -> list[Path]:
    """Return where systemd may have put a secret.

    LoadCredential renames it; ImportCredential, from systemd 254 on, does not.
    """
    if not (folder := environ.get("CREDENTIALS_DIRECTORY", "")):
        return []
    return [Path(folder) / name, Path(folder) / f"{_CREDENTIAL_PREFIX}{name}"]


def _from_file(path: Path, origin: str, problems: list[str]) -> str | None:
    try:
        value = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.append(f"{origin}: cannot read {path}: {reason}")
        return None
    if not value:
        # systemd provides a copy, so the message names the original file.
        name = path.name.removeprefix(_CREDENTIAL_PREFIX)
        credential = f"/etc/credstore/{_CREDENTIAL_PREFIX}{name}"
        shown = credential if origin == _CREDENTIALS else path
        problems.append(
            f"{origin}: {shown} is empty. Put the secret in it, or remove it"
        )
        return None
    return value
