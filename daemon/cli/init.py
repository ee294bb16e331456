"""The command `init`: asks, writes properties, secrets and configuration, checks."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from daemon import app, config
from daemon.cli import OPTIONS, check, context, output
from daemon.cli.plan import plan_all_sources, summarize_plan
from daemon.cli.setup import answer_files, config_text
from daemon.cli.setup.dialog import ApiSession, Prompter, read_hidden
from daemon.cli.setup.proposals import ColumnPolicy
from daemon.cli.setup.wizard import InitAnswers, InitOptions, Wizard
from daemon.config import secret
from daemon.errors import SetupError
from daemon.places import CONFIG_NAME, CONTAINER, find_home
from daemon.service import lock
from daemon.service.unit_environment import read_unit_environment

_STOPPED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class InitTarget:
    """Where `init` writes: postbrush.toml and the folder of the secrets.

    Attributes:
        service: Whether the installer of the service calls `init`; it runs `check`.
    """

    file: Path
    folder: Path
    service: bool = False

    def secret_file(self, name: str) -> Path:
        """Return the path of one secret."""
        return self.folder / (f"postbrush.{name}" if self.service else name)


def init(
    data_source: Annotated[
        str | None, typer.Option(metavar="ID", help="ID or link of the database.")
    ] = None,
    columns: Annotated[
        Literal["add", "required", "keep"] | None,
        typer.Option(help="Which missing properties to add."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROPERTY=VALUE", help="Only posts with this value; repeatable."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept all proposals without asking.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what would be written, without writing it."
        ),
    ] = False,
    service: Annotated[bool, typer.Option("--service", hidden=True)] = False,
    secrets: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Set postbrush up: five questions, then a check.

    It asks for the tokens, or reads NOTION_TOKEN and HUGGINGFACE_TOKEN.
    """
    if service:
        os.environ.update(read_unit_environment() | os.environ)
    options = InitOptions(
        source=data_source,
        columns=ColumnPolicy(columns) if columns else None,
        only=tuple(only or ()),
    )
    target = _resolve_target(service=service, folder=secrets)
    _run_init(options, target, yes=yes, dry_run=dry_run)


def _run_init(
    options: InitOptions, target: InitTarget, *, yes: bool, dry_run: bool
) -> None:
    """Ask the questions, write the answers and run the checks.

    Exits with the code of `check`, or 130 after Ctrl-C.  Raises SetupError if a file
    is not writable or the configuration has several sources.
    """
    if not dry_run:
        answer_files.require_writable(target.file)
        answer_files.require_writable(target.secret_file(secret.NOTION[0]))
    session = ApiSession(file=target.file, environ=os.environ, cwd=Path.cwd())
    if session.load_settings().has_named_sources:
        raise SetupError(
            f"{target.file} has several databases ([sources.NAME]), and `postbrush "
            "init` sets up one. Edit the file, then run `postbrush check`"
        )
    prompter = _make_prompter(yes=yes)
    try:
        answers = collect_answers(prompter, session, options, target, dry_run=dry_run)
    except (KeyboardInterrupt, EOFError):
        prompter.print_line()
        prompter.print_line("Stopped. Nothing was written.")
        raise typer.Exit(_STOPPED) from None
    if dry_run:
        prompter.print_line()
        prompter.print_line("Nothing was written (--dry-run).")
        return
    write_answers(prompter, session, answers, target)
    if not target.service:
        _check_setup(prompter, target)


def _resolve_target(*, service: bool, folder: Path | None) -> InitTarget:
    if folder is not None and not service:
        raise SetupError("--secrets is only for use with --service")
    home = find_home(os.environ, Path.cwd())
    named = OPTIONS.config or os.environ.get("POSTBRUSH_CONFIG")
    file = Path.cwd() / (named or home.config / CONFIG_NAME)
    folder = folder or config.secrets_path(file, home)
    return InitTarget(file=file, folder=folder, service=service)


def _make_prompter(*, yes: bool) -> Prompter:
    console = output.make_console()

    def read_line(prompt: str) -> str:
        return console.input(prompt, markup=False)

    return Prompter(
        console=console,
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        yes=yes,
        line=read_line,
        hidden=read_hidden,
    )


def collect_answers(
    prompter: Prompter,
    session: ApiSession,
    options: InitOptions,
    target: InitTarget,
    *,
    dry_run: bool,
) -> InitAnswers:
    """Ask all questions and show what will be written; writes nothing.

    Raises:
        PostbrushError: An answer, a service or an editable file is missing.
    """
    if prompter.terminal and not prompter.yes:
        prompter.print_line(
            "Five questions. postbrush writes nothing before the last answer."
        )
        prompter.print_line("Press Ctrl-C to stop.")
    answers = Wizard(prompter=prompter, session=session, options=options).ask_all()
    answers.secrets = {
        name: value
        for name, value in session.tokens.items()
        if value not in _stored_values(target, name)
    }
    answers.text = _build_config_text(answers, target)
    session.load_settings(answers.text)
    _show_changes(prompter, answers, target, dry_run=dry_run)
    return answers


def _stored_values(target: InitTarget, name: str) -> list[str]:
    """Return the values of a secret that need not be written again.

    The service may have it from elsewhere, such as from an encrypted credential.
    """
    file = target.secret_file(name)
    if target.service and not file.exists():
        paths = secret.credential_paths(os.environ, name)
        return [_read_private(path) for path in paths]
    return [_read_private(file)]


def _read_private(path: Path) -> str:
    try:
        # A file that others can read counts as missing, so that it is rewritten.
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return ""
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _build_config_text(answers: InitAnswers, target: InitTarget) -> str:
    if not target.file.exists():
        title = answers.source.title
        secrets = str(target.folder) if target.service else "secrets/"
        return config_text.new_config(title, answers.wanted, secrets=secrets)
    before = target.file.read_bytes().decode("utf-8")
    return config_text.edit_config(before, answers.wanted, target.file.name)


def _show_changes(
    prompter: Prompter, answers: InitAnswers, target: InitTarget, *, dry_run: bool
) -> None:
    prompter.print_title("Would be written" if dry_run else "Changes")
    for slot in answers.added:
        prompter.print_note(f"the property '{slot.name}' in Notion")
    for name in answers.secrets:
        prompter.print_note(f"{target.secret_file(name)} (readable only by you)")
    if answers.wanted or not target.file.exists():
        prompter.print_note(str(target.file))
        for line in filter(None, config_text.format_keys(answers.wanted).splitlines()):
            prompter.print_note(f"  {line}")
    elif not answers.added and not answers.secrets:
        prompter.print_note("none: the set-up is already complete")


def write_answers(
    prompter: Prompter, session: ApiSession, answers: InitAnswers, target: InitTarget
) -> None:
    """Add the properties, then write the secrets, then the configuration.

    An interrupted run can be repeated: unused properties do no harm, the next run
    offers a stored token, and the configuration is written after all it refers to.

    Raises:
        PostbrushError: One step failed, and the later ones were not done.
    """
    if answers.added:
        columns = {slot.role: (slot.name, slot.type) for slot in answers.added}
        session.run_query(
            lambda source: source.notion.add_properties(answers.source.id, columns)
        )
    for name, value in answers.secrets.items():
        answer_files.write_secret(target.secret_file(name), value)
    if answers.wanted or not target.file.exists():
        backup = answer_files.write_config(target.file, answers.text)
        if backup is not None:
            prompter.print_note(
                f"The previous {target.file.name} is saved as {backup.name}."
            )
    prompter.print_success("Written.")


def _check_setup(prompter: Prompter, target: InitTarget) -> None:
    OPTIONS.config = target.file
    prompter.print_title("Check")
    try:
        check.check()
    except typer.Exit:
        prompter.print_line()
        prompter.print_line("Do what the table says, then run `postbrush check` again.")
        raise
    prompter.print_line()
    settings = context.load_settings()
    holder = lock.find_holder(app.lock_path(settings))
    if holder is not None:
        prompter.print_line(
            f"The daemon is running (process {holder.pid}). Restart it to use the new "
            "settings."
        )
    else:
        (plan,) = asyncio.run(plan_all_sources(settings))
        prompter.print_line(f"All is well. {summarize_plan(plan)}")
        if plan.needs_approval:
            prompter.print_line("The images will wait for `postbrush approve`.")
        _offer_start(prompter, target, context.start_command(settings))


def _offer_start(prompter: Prompter, target: InitTarget, command: str) -> None:
    """Start the daemon in this terminal if the answer is yes."""
    may_start = prompter.terminal and not prompter.yes and CONTAINER not in os.environ
    if may_start and prompter.line("Start postbrush now? [y/N] ").strip().lower() in {
        "y",
        "yes",
    }:
        # The log, the signals and Alembic begin in a process of their own.
        words = ["-m", "daemon", "--config", str(target.file), "run"]
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own command line
    prompter.print_line(f"Start postbrush: {command}")
