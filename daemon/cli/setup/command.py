"""`init`: five questions, then the columns, the secrets, postbrush.toml and `check`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from daemon import app, config
from daemon.cli import check, context
from daemon.cli.global_options import OPTIONS
from daemon.cli.setup import answer_files, config_text
from daemon.cli.setup.answers import InitAnswers, InitOptions
from daemon.cli.setup.api_session import ApiSession
from daemon.cli.setup.prompts import Prompter, read_hidden
from daemon.cli.setup.wizard import Wizard
from daemon.config import secret
from daemon.errors import SetupError
from daemon.service import lock

_KNOWN = (*secret.NOTION, "HUGGINGFACE_TOKEN", "HF_TOKEN")
_STOPPED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class InitTarget:
    """Where everything goes.

    Attributes:
        service: For the installed service, whose installer checks by itself.
    """

    file: Path
    folder: Path
    service: bool = False

    def secret_file(self, name: str) -> Path:
        """Return the file of one secret."""
        return self.folder / (f"postbrush.{name}" if self.service else name)


def run_init(
    flags: InitOptions, *, yes: bool, dry_run: bool, service: bool, secrets: Path | None
) -> None:
    """Ask, write, check; exit with the code of `check`."""
    target = _resolve_target(service=service, folder=secrets)
    if not dry_run:
        answer_files.require_writable(target.file)
        answer_files.require_writable(target.secret_file(secret.NOTION[0]))
    visit = ApiSession(file=target.file, environ=_build_environ(target), cwd=Path.cwd())
    if visit.load_settings().has_named_sources:
        raise SetupError(
            f"{target.file} has several databases, [sources.NAME], and `init` sets up "
            "one: edit the file, then look with `postbrush check`"
        )
    talk = _make_prompter(yes=yes)
    try:
        answers = collect_answers(talk, visit, flags, target, dry_run=dry_run)
    except (KeyboardInterrupt, EOFError):
        talk.print_line()
        talk.print_line("Stopped; nothing was written.")
        raise typer.Exit(_STOPPED) from None
    if dry_run:
        talk.print_line()
        talk.print_line("Nothing was written (--dry-run).")
        return
    write_answers(talk, visit, answers, target)
    if not service:
        _check_setup(talk, target)


def _resolve_target(*, service: bool, folder: Path | None) -> InitTarget:
    if folder is not None and not service:
        raise SetupError("--secrets goes with --service")
    named = OPTIONS.config or os.environ.get("POSTBRUSH_CONFIG") or "postbrush.toml"
    file = Path.cwd() / named
    return InitTarget(
        file=file,
        folder=folder or config.secrets_path(file, Path.cwd()),
        service=service,
    )


def _build_environ(target: InitTarget) -> Mapping[str, str]:
    """Return the environment; a service's own secrets are files it names."""
    if not target.service:
        return os.environ
    files = {name: target.secret_file(name) for name in _KNOWN}
    there = {f"{name}_FILE": str(p) for name, p in files.items() if p.exists()}
    return {**there, **os.environ}


def _make_prompter(*, yes: bool) -> Prompter:
    console = context.make_console()

    def line(prompt: str) -> str:
        return console.input(prompt, markup=False)

    return Prompter(
        console=console,
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        yes=yes,
        line=line,
        hidden=read_hidden,
    )


def collect_answers(
    talk: Prompter,
    visit: ApiSession,
    flags: InitOptions,
    target: InitTarget,
    *,
    dry_run: bool,
) -> InitAnswers:
    """Ask everything and show what will be written; writes nothing.

    Raises:
        PostbrushError: An answer is missing, somebody is away, the file is odd.
    """
    visit.load_settings()
    if talk.terminal and not talk.yes:
        talk.print_line(
            "Five questions. Nothing is written before the last one is answered;"
        )
        talk.print_line("Ctrl-C stops.")
    answers = Wizard(talk=talk, visit=visit, flags=flags).ask_all()
    answers.secrets = {
        name: value
        for name, value in visit.tokens.items()
        if _read_private(target.secret_file(name)) != value
    }
    answers.text = _build_config_text(visit, answers, target)
    visit.load_settings(answers.text)
    _show_changes(talk, answers, target, dry_run=dry_run)
    return answers


def _read_private(path: Path) -> str:
    try:
        # What others can read is written anew, for its owner alone.
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return ""
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _build_config_text(
    visit: ApiSession, answers: InitAnswers, target: InitTarget
) -> str:
    if not target.file.exists():
        return config_text.new_config(answers.source.title, answers.wanted)
    before = target.file.read_bytes().decode("utf-8")
    return config_text.edit_config(before, answers.wanted, visit.file.name)


def _show_changes(
    talk: Prompter, answers: InitAnswers, target: InitTarget, *, dry_run: bool
) -> None:
    talk.print_title("What would be written" if dry_run else "What is written now")
    for place in answers.added:
        talk.print_note(f"a column '{place.name}' in Notion")
    for name in answers.secrets:
        talk.print_note(f"{target.secret_file(name)}, for you alone to read")
    if answers.wanted or not target.file.exists():
        talk.print_note(str(target.file))
        for line in filter(None, config_text.format_keys(answers.wanted).splitlines()):
            talk.print_note(f"  {line}")
    elif not answers.added and not answers.secrets:
        talk.print_note("nothing: all of it is there already")


def write_answers(
    talk: Prompter, visit: ApiSession, answers: InitAnswers, target: InitTarget
) -> None:
    """Write everything.

    What is cut off leaves what the next run takes up: columns do no harm alone, a
    token is offered again, and the configuration comes last, when all it speaks of
    is there.

    Raises:
        PostbrushError: What came after it was not written.
    """
    if answers.added:
        columns = answers.columns
        visit.run_query(
            lambda flow: flow.door.add_properties(answers.source.id, columns)
        )
    for name, value in answers.secrets.items():
        answer_files.write_secret(target.secret_file(name), value)
    if answers.wanted or not target.file.exists():
        copy = answer_files.write_config(target.file, answers.text)
        if copy is not None:
            talk.print_note(f"what was in {target.file.name} before is in {copy.name}")
    talk.print_success("Written.")


def _check_setup(talk: Prompter, target: InitTarget) -> None:
    OPTIONS.config = target.file
    talk.print_title("Does all of it work?")
    try:
        check.run_checks(None, json=False)
    except typer.Exit:
        talk.print_line()
        talk.print_line("Do what the table says, then look again: postbrush check")
        raise
    talk.print_line()
    holder = lock.find_holder(app.lock_path(context.load_settings()))
    if holder is not None:
        talk.print_line(
            f"The daemon runs (process {holder.pid}): restart it to use this."
        )
    else:
        talk.print_line("All is well. Start it: make run")
