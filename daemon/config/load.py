"""Reads the configuration: environment over file over defaults.

All errors are collected and reported together.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from daemon.config import addresses, checks, entries, secret
from daemon.config.model import ImagesSection, Options
from daemon.config.problems import (
    NOT_SETTINGS,
    PREFIX,
    RENAMED,
    explain_errors,
    name_variable,
    unknown_variables,
)
from daemon.config.settings import Settings
from daemon.errors import ConfigError
from daemon.places import (
    CONTAINER,
    SECRETS_NAME,
    Home,
    find_config,
    find_home,
    is_of_service,
)
from providers.network import network_problems

_USUAL_REGION = "us-east-1"


def load_settings(
    path: Path | None, environ: Mapping[str, str], cwd: Path, *, ready: bool = True
) -> Settings:
    """Read the configuration and the secrets.

    Args:
        path: `--config`; None for the first of $POSTBRUSH_CONFIG, ./postbrush.toml,
            ~/.config/postbrush/postbrush.toml and /etc/postbrush/postbrush.toml.
        ready: Whether a provider of the chain without a token is a problem.

    Raises:
        ConfigError: There are problems; the message has one line for each.
    """
    problems: list[str] = []
    file, text = find_config(path, environ, cwd), ""
    try:
        text = file.read_text("utf-8-sig") if file else ""
    except OSError as error:
        remedy = (
            f". Run: chmod 644 {file}" if isinstance(error, PermissionError) else ""
        )
        problems.append(f"{file} cannot be read: {error.strerror}{remedy}")
        file = None
    except UnicodeDecodeError:
        problems.append(f"{file} is not UTF-8 text. Save it as UTF-8")
    return _build_settings(text, file, environ, cwd, problems, ready=ready)


def load_text(text: str, path: Path, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Read *text* as if it were the content of *path*.

    Raises:
        ConfigError: As `load_settings`.
    """
    text = text.removeprefix("\ufeff")
    return _build_settings(text, cwd / path, environ, cwd, [], ready=True)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text.  Raises ValueError."""
    return tomllib.loads(text)


def secrets_path(file: Path | None, home: Home) -> Path:
    """Return the folder of the secret files, which is beside the configuration."""
    return (file.parent if file else home.config) / SECRETS_NAME


def _build_settings(
    text: str,
    file: Path | None,
    environ: Mapping[str, str],
    cwd: Path,
    problems: list[str],
    *,
    ready: bool,
) -> Settings:
    values: dict[str, Any] = {}
    try:
        values = parse_toml(text)
    except ValueError as error:
        problems.append(f"The configuration is not valid TOML: {error}")
    variables = {name: env for name, env in environ.items() if name.startswith(PREFIX)}
    unknown = unknown_variables(variables)
    problems += [*unknown.values(), *network_problems(environ)]
    known = {name: env for name, env in variables.items() if name not in unknown}
    options = _validate_options(values, known, problems)
    home = find_home(environ, cwd)
    store = _resolve_store(options.images, environ) if options else None
    wanted = entries.secret_variables(options or Options(), with_store=bool(store))
    secrets = secret.read_secrets(environ, wanted, problems, secrets_path(file, home))
    if options is not None:
        options = _open_container_page(options, secrets, environ)
        secrets = replace(secrets, others=_secret_texts(options, secrets))
        data_dir = _resolve_data_dir(options, file, environ, cwd, home)
        problems += checks.check_options(options, secrets, store, data_dir, ready=ready)
    if problems or options is None:
        problems = [name_variable(problem, known) for problem in problems]
        if file and not all(problem.startswith(PREFIX) for problem in problems):
            is_old = any(
                RENAMED in problem and not problem.startswith(PREFIX)
                for problem in problems
            )
            remedy = (
                ". `postbrush config --migrate` renames settings in it"
                if is_old
                else ""
            )
            problems.append(f"The configuration file is {file}{remedy}")
        if file and is_of_service(file):
            problems = [secret.name_service_place(problem) for problem in problems]
        raise ConfigError(problems)
    return Settings(
        options=options,
        secrets=secrets,
        file=file,
        environ=variables,
        data_dir=data_dir,
        store=store,
        from_file=values,
    )


def _open_container_page(
    options: Options, secrets: secret.Secrets, environ: Mapping[str, str]
) -> Options:
    """Return the options of a container, whose port is published by its owner.

    Its own loopback address is out of reach, so the page listens on all of them when
    it has a password.
    """
    is_chosen = "listen" in options.web.model_fields_set
    if CONTAINER not in environ or is_chosen or secrets.web_password is None:
        return options
    web = options.web.model_copy(update={"listen": "0.0.0.0:8787"})
    return options.model_copy(update={"web": web})


def _validate_options(
    values: Mapping[str, Any], variables: Mapping[str, str], problems: list[str]
) -> Options | None:
    try:
        return Options.model_validate(
            _overlay_table(values, _VariableSource(variables)())
        )
    except ValidationError as error:
        problems += explain_errors(error)
    # A table or a list in the environment is not valid JSON.
    except ValueError:
        problems += _json_problems(variables)
    return None


def _overlay_table(
    table: Mapping[str, Any], above: Mapping[str, Any]
) -> dict[str, Any]:
    overlaid = dict(table)
    for key, value in above.items():
        below = table.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            overlaid[key] = _overlay_table(below, value)
        else:
            overlaid[key] = value
    return overlaid


def _json_problems(variables: Mapping[str, str]) -> list[str]:
    problems = []
    for name, value in variables.items():
        try:
            json.loads(value)
        except ValueError:
            if value.lstrip().startswith(("{", "[")):
                problems.append(
                    f"{name} is not valid JSON, in which variables hold tables and "
                    'lists, such as {"Status": "Ready"} or ["flux", "freeapi"]'
                )
    return problems or [
        f"A variable that begins with {PREFIX} has a value that cannot be used"
    ]


class _VariableOptions(BaseSettings, Options):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


class _VariableSource(EnvSettingsSource):
    """Reads the variables that are passed in instead of those of the process."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(_VariableOptions)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name.lower(): value
            for name, value in self._variables.items()
            if name not in NOT_SETTINGS
        }


def _resolve_store(
    images: ImagesSection, environ: Mapping[str, str]
) -> addresses.StoreLocation | None:
    """Return the configured store, None without one."""
    if not images.store:
        return None
    bucket, prefix = addresses.parse_store(images.store)
    region = images.store_region or environ.get("AWS_REGION", "").strip()
    return addresses.StoreLocation(
        bucket=bucket,
        prefix=prefix,
        endpoint=images.store_endpoint or environ.get("AWS_ENDPOINT_URL", "").strip(),
        region=region or _USUAL_REGION,
    )


def _secret_texts(options: Options, secrets: secret.Secrets) -> list[SecretStr]:
    """Return the secret texts in the addresses of `[notify]` and `[database]`."""
    notifiers = addresses.collect_notifiers(options.notify.urls, secrets)
    texts = [
        part
        for url in [*(notifier.url for notifier in notifiers), options.notify.ping]
        for part in addresses.secret_parts(url.get_secret_value())
    ]
    texts += addresses.database_passwords(options.database.url.get_secret_value())
    return [SecretStr(text) for text in texts if text]


def _resolve_data_dir(
    options: Options,
    file: Path | None,
    environ: Mapping[str, str],
    cwd: Path,
    home: Home,
) -> Path:
    if options.data_dir:
        base = file.parent if file else cwd
        return (base / Path(options.data_dir).expanduser()).resolve()
    if state := environ.get("STATE_DIRECTORY", ""):
        return Path(state.split(":", maxsplit=1)[0])
    # Data goes beside the configuration, unless that is in /etc or ~/.config.
    if file is None or file.parent.resolve() == home.config.resolve():
        return home.data.resolve()
    return cwd.resolve() if is_of_service(file) else file.parent.resolve()
