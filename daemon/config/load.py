"""Reading it: environment over file over defaults, all errors at once."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from daemon.config import addresses, databases, entries, secret, sources
from daemon.config.model import Options
from daemon.config.problems import check, check_files, explain, unknown_variables
from daemon.config.settings import Settings
from daemon.errors import ConfigError

PREFIX = "POSTBRUSH_"
_PLACES = ("postbrush.toml", "/etc/postbrush/postbrush.toml")


class _Source(BaseSettings, Options):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )


@dataclass(frozen=True, slots=True)
class _File:
    path: Path | None
    values: dict[str, Any]


def load(
    path: Path | None, environ: Mapping[str, str], cwd: Path, *, ready: bool = True
) -> Settings:
    """Read everything.

    Args:
        path: `--config`; None: $POSTBRUSH_CONFIG, ./postbrush.toml, /etc/postbrush/.
        ready: It is a problem when a service of the chain has no token.

    Raises:
        ConfigError: With every problem there is, one line each.
    """
    problems: list[str] = []
    file = _read_file(path, environ, cwd, problems)
    return _load(file, environ, cwd, problems, ready=ready)


def load_text(text: str, path: Path, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Read *text* as if it were written to *path* already.

    Raises:
        ConfigError: As `load`.
    """
    problems: list[str] = []
    try:
        file = _File(cwd / path, parse(text.removeprefix("\ufeff")))
    except ValueError as error:
        problems.append(f"not valid TOML: {error}")
        file = _File(cwd / path, {})
    return _load(file, environ, cwd, problems, ready=True)


def parse(text: str) -> dict[str, Any]:
    """Return what a text of TOML says.  Raises ValueError."""
    return tomllib.loads(text)


def _load(
    file: _File,
    environ: Mapping[str, str],
    cwd: Path,
    problems: list[str],
    *,
    ready: bool,
) -> Settings:
    problems += unknown_variables(environ, PREFIX)
    options = _validated(file, environ, problems)
    entry = entries.variables(options.providers if options else {})
    tokens = sources.token_variables(options) if options else ()
    known = (secret.NOTION, secret.NOTIFY, secret.WEB, secret.DATABASE)
    folder = secrets_path(file.path, cwd)
    secrets = secret.read(environ, [*known, *tokens, *entry], problems, folder)
    if options is not None:
        others = [*addresses.hidden(options, secrets), *databases.hidden(options)]
        secrets = replace(secrets, others=others)
        data_dir = _data_dir(options, file.path, environ, cwd)
        problems += check(options, secrets, ready=ready)
        problems += _check_files(options, data_dir)
    if problems or options is None:
        if file.path:
            problems.append(f"the configuration read is {file.path}")
        raise ConfigError(problems)
    return Settings(
        options=options,
        secrets=secrets,
        file=file.path,
        environ=_variables(environ),
        data_dir=data_dir,
        from_file=file.values,
    )


def _check_files(options: Options, data_dir: Path) -> list[str]:
    merged = [sources.options_of(options, name) for name in sources.names(options)]
    found = [line for one in merged for line in check_files(one, data_dir)]
    return list(dict.fromkeys(found))


def secrets_path(file: Path | None, cwd: Path) -> Path:
    """Return where the files with secrets are: beside the configuration."""
    return (file.parent if file else cwd) / secret.FOLDER


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(PREFIX)}


def _read_file(
    path: Path | None, environ: Mapping[str, str], cwd: Path, problems: list[str]
) -> _File:
    named = path or (
        Path(environ[f"{PREFIX}CONFIG"]) if environ.get(f"{PREFIX}CONFIG") else None
    )
    if named is not None:
        found = cwd / named
    else:
        places = [cwd / place for place in _PLACES]
        existing = [place for place in places if place.exists()]
        if not existing:
            return _File(None, {})
        found = existing[0]
    try:
        return _File(found, tomllib.loads(found.read_text("utf-8-sig")))
    except OSError as error:
        mend = f": chmod 644 {found}" if isinstance(error, PermissionError) else ""
        problems.append(f"cannot read {found}: {error.strerror}{mend}")
        return _File(None, {})
    except UnicodeDecodeError:
        problems.append("it is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"not valid TOML: {error}")
    return _File(found, {})


def _validated(
    file: _File, environ: Mapping[str, str], problems: list[str]
) -> Options | None:
    class Here(_Source):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, env_settings, dotenv_settings, file_secret_settings
            given = _Given(settings_cls, environ)
            return (given, InitSettingsSource(settings_cls, file.values))

    try:
        return cast("Options", Here())
    except ValidationError as error:
        problems += explain(error, Options)
        return None
    # A table or list in the environment that is no JSON.
    except ValueError:
        problems += _not_json(environ)
        return None


def _not_json(environ: Mapping[str, str]) -> list[str]:
    found = []
    for name, value in _variables(environ).items():
        try:
            json.loads(value)
        except ValueError:
            if value.lstrip().startswith(("{", "[")):
                found.append(
                    f"{name}: tables and lists are written as JSON here, such as "
                    '{"Status": "Waiting"} or ["flux", "freeapi"]'
                )
    return found or [f"a {PREFIX} variable holds no value for its key"]


class _Given(EnvSettingsSource):
    """The environment that was passed in, not the process's own."""

    def __init__(
        self, settings_cls: type[BaseSettings], environ: Mapping[str, str]
    ) -> None:
        self._given = environ
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name.lower(): value
            for name, value in self._given.items()
            if name.startswith(PREFIX) and name != f"{PREFIX}CONFIG"
        }


def _data_dir(
    options: Options, file: Path | None, environ: Mapping[str, str], cwd: Path
) -> Path:
    if options.data_dir:
        base = file.parent if file else cwd
        return (base / Path(options.data_dir).expanduser()).resolve()
    if state := environ.get("STATE_DIRECTORY", ""):
        return Path(state.split(":", maxsplit=1)[0])
    # Beside a file of the owner's; /etc is no place for data.
    if file is not None and not file.is_relative_to("/etc"):
        return file.parent.resolve()
    return cwd.resolve()
