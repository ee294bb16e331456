"""Reads the configuration: environment over file over defaults.

All errors are collected and reported together.
"""

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
    """Read the configuration and the secrets.

    Args:
        path: `--config`; None for the first of $POSTBRUSH_CONFIG, ./postbrush.toml
            and /etc/postbrush/postbrush.toml.
        ready: Whether a provider of the chain without a token is a problem.

    Raises:
        ConfigError: There are problems; the message has one line for each.
    """
    problems: list[str] = []
    file = _read_file(path, environ, cwd, problems)
    return _build_settings(file, environ, cwd, problems, ready=ready)


def load_text(text: str, path: Path, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Read *text* as if it were the content of *path*.

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
    """Return the values of a TOML text.  Raises ValueError."""
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
    known = {name: value for name, value in environ.items() if name not in unknown}
    options = _validate_options(file, known, problems)
    provider_variables = entries.all_variables(options.providers if options else {})
    source_variables = sources.token_variables(options) if options else ()
    location = stores.resolve_location(options.images, environ) if options else None
    wanted = [secret.NOTION, secret.NOTIFY, secret.WEB, secret.DATABASE]
    # The AWS variables may be for other programs, so they count only with a store.
    wanted += secret.STORE if location else ()
    folder = secrets_path(file.path, cwd)
    secrets = secret.read_secrets(
        environ, [*wanted, *source_variables, *provider_variables], problems, folder
    )
    if options is not None:
        more_secrets = [
            *addresses.notifier_secrets(options, secrets),
            *databases.database_secrets(options),
        ]
        secrets = replace(secrets, others=more_secrets)
        data_dir = _resolve_data_dir(options, file.path, environ, cwd)
        problems += check_options(options, secrets, ready=ready)
        problems += stores.check_store(options, secrets, location, ready=ready)
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
        store=location,
        from_file=file.values,
    )


def _check_files(options: Options, data_dir: Path) -> list[str]:
    problems = [
        problem
        for name in sources.source_names(options)
        for problem in check_files(sources.options_of(options, name), data_dir)
    ]
    return list(dict.fromkeys(problems))


def secrets_path(file: Path | None, cwd: Path) -> Path:
    """Return the folder of the secret files, which is beside the configuration."""
    return (file.parent if file else cwd) / secret.FOLDER


def _own_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(PREFIX)}


def _read_file(
    path: Path | None, environ: Mapping[str, str], cwd: Path, problems: list[str]
) -> _ConfigFile:
    given_path = path or (
        Path(environ[f"{PREFIX}CONFIG"]) if environ.get(f"{PREFIX}CONFIG") else None
    )
    if given_path is not None:
        file = cwd / given_path
    else:
        places = [cwd / place for place in _PLACES]
        existing = [place for place in places if place.exists()]
        if not existing:
            return _ConfigFile(None, {})
        file = existing[0]
    try:
        return _ConfigFile(file, tomllib.loads(file.read_text("utf-8-sig")))
    except OSError as error:
        remedy = f": chmod 644 {file}" if isinstance(error, PermissionError) else ""
        problems.append(f"cannot read {file}: {error.strerror}{remedy}")
        return _ConfigFile(None, {})
    except UnicodeDecodeError:
        problems.append("it is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"not valid TOML: {error}")
    return _ConfigFile(file, {})


def _validate_options(
    file: _ConfigFile, environ: Mapping[str, str], problems: list[str]
) -> Options | None:
    class _BoundOptions(_EnvOptions):
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
            variables = _PassedEnvironment(settings_cls, environ)
            return (variables, InitSettingsSource(settings_cls, file.values))

    try:
        return cast("Options", _BoundOptions())
    except ValidationError as error:
        problems += explain_errors(error, Options)
        return None
    # A table or a list in the environment is not valid JSON.
    except ValueError:
        problems += _json_problems(environ)
        return None


def _json_problems(environ: Mapping[str, str]) -> list[str]:
    problems = []
    for name, value in _own_variables(environ).items():
        try:
            json.loads(value)
        except ValueError:
            if value.lstrip().startswith(("{", "[")):
                problems.append(
                    f"{name}: tables and lists are written as JSON here, such as "
                    '{"Status": "Waiting"} or ["flux", "freeapi"]'
                )
    return problems or [f"a {PREFIX} variable holds no value for its key"]


class _PassedEnvironment(EnvSettingsSource):
    """Reads the environment that is passed in instead of that of the process."""

    def __init__(
        self, settings_cls: type[BaseSettings], environ: Mapping[str, str]
    ) -> None:
        self._environ = environ
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name.lower(): value
            for name, value in self._environ.items()
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
    # Data goes beside the configuration, unless that is in /etc.
    if file is not None and not file.is_relative_to("/etc"):
        return file.parent.resolve()
    return cwd.resolve()
