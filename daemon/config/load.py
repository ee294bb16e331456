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

from daemon.config import addresses, databases, entries, secret, sources, stores
from daemon.config.model import Options
from daemon.config.problems import (
    check_files,
    check_options,
    explain_errors,
    unknown_variables,
)
from daemon.config.settings import Settings
from daemon.errors import ConfigError

PREFIX = "POSTBRUSH_"
_PLACES = ("postbrush.toml", "/etc/postbrush/postbrush.toml")


class _EnvOptions(BaseSettings, Options):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )


@dataclass(frozen=True, slots=True)
class _ConfigFile:
    path: Path | None
    values: dict[str, Any]


def load_settings(
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
    return _build_settings(file, environ, cwd, problems, ready=ready)


def load_text(text: str, path: Path, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Read *text* as if it were written to *path* already.

    Raises:
        ConfigError: As `load_settings`.
    """
    problems: list[str] = []
    try:
        file = _ConfigFile(cwd / path, parse_toml(text.removeprefix("\ufeff")))
    except ValueError as error:
        problems.append(f"not valid TOML: {error}")
        file = _ConfigFile(cwd / path, {})
    return _build_settings(file, environ, cwd, problems, ready=True)


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a text of TOML says.  Raises ValueError."""
    return tomllib.loads(text)


def _build_settings(
    file: _ConfigFile,
    environ: Mapping[str, str],
    cwd: Path,
    problems: list[str],
    *,
    ready: bool,
) -> Settings:
    unknown = unknown_variables(environ, PREFIX)
    problems += unknown.values()
    named = {name: value for name, value in environ.items() if name not in unknown}
    options = _validate_options(file, named, problems)
    entry = entries.all_variables(options.providers if options else {})
    tokens = sources.token_variables(options) if options else ()
    place = stores.resolve_location(options.images, environ) if options else None
    known = [secret.NOTION, secret.NOTIFY, secret.WEB, secret.DATABASE]
    # Who has a key for other programs has none of ours.
    known += secret.STORE if place else ()
    folder = secrets_path(file.path, cwd)
    secrets = secret.read_secrets(environ, [*known, *tokens, *entry], problems, folder)
    if options is not None:
        others = [
            *addresses.notifier_secrets(options, secrets),
            *databases.database_secrets(options),
        ]
        secrets = replace(secrets, others=others)
        data_dir = _resolve_data_dir(options, file.path, environ, cwd)
        problems += check_options(options, secrets, ready=ready)
        problems += stores.check_store(options, secrets, place, ready=ready)
        problems += _check_files(options, data_dir)
    if problems or options is None:
        if file.path:
            problems.append(f"the configuration read is {file.path}")
        raise ConfigError(problems)
    return Settings(
        options=options,
        secrets=secrets,
        file=file.path,
        environ=_own_variables(environ),
        data_dir=data_dir,
        store=place,
        from_file=file.values,
    )


def _check_files(options: Options, data_dir: Path) -> list[str]:
    merged = [
        sources.options_of(options, name) for name in sources.source_names(options)
    ]
    found = [line for one in merged for line in check_files(one, data_dir)]
    return list(dict.fromkeys(found))


def secrets_path(file: Path | None, cwd: Path) -> Path:
    """Return where the files with secrets are: beside the configuration."""
    return (file.parent if file else cwd) / secret.FOLDER


def _own_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(PREFIX)}


def _read_file(
    path: Path | None, environ: Mapping[str, str], cwd: Path, problems: list[str]
) -> _ConfigFile:
    named = path or (
        Path(environ[f"{PREFIX}CONFIG"]) if environ.get(f"{PREFIX}CONFIG") else None
    )
    if named is not None:
        found = cwd / named
    else:
        places = [cwd / place for place in _PLACES]
        existing = [place for place in places if place.exists()]
        if not existing:
            return _ConfigFile(None, {})
        found = existing[0]
    try:
        return _ConfigFile(found, tomllib.loads(found.read_text("utf-8-sig")))
    except OSError as error:
        mend = f": chmod 644 {found}" if isinstance(error, PermissionError) else ""
        problems.append(f"cannot read {found}: {error.strerror}{mend}")
        return _ConfigFile(None, {})
    except UnicodeDecodeError:
        problems.append("it is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"not valid TOML: {error}")
    return _ConfigFile(found, {})


def _validate_options(
    file: _ConfigFile, environ: Mapping[str, str], problems: list[str]
) -> Options | None:
    class Here(_EnvOptions):
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
            given = _GivenEnvironment(settings_cls, environ)
            return (given, InitSettingsSource(settings_cls, file.values))

    try:
        return cast("Options", Here())
    except ValidationError as error:
        problems += explain_errors(error, Options)
        return None
    # A table or list in the environment that is no JSON.
    except ValueError:
        problems += _json_problems(environ)
        return None


def _json_problems(environ: Mapping[str, str]) -> list[str]:
    found = []
    for name, value in _own_variables(environ).items():
        try:
            json.loads(value)
        except ValueError:
            if value.lstrip().startswith(("{", "[")):
                found.append(
                    f"{name}: tables and lists are written as JSON here, such as "
                    '{"Status": "Waiting"} or ["flux", "freeapi"]'
                )
    return found or [f"a {PREFIX} variable holds no value for its key"]


class _GivenEnvironment(EnvSettingsSource):
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


def _resolve_data_dir(
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
