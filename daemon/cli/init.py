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
from daemon.cli import check, desk
from daemon.cli.options import OPTIONS
from daemon.config import secret
from daemon.errors import SetupError
from daemon.service import lock
from daemon.setup import draft, write
from daemon.setup.answers import Answers, Flags
from daemon.setup.interview import Interview
from daemon.setup.talk import Talk, read_hidden
from daemon.setup.visit import Visit

_KNOWN = (*secret.NOTION, "HUGGINGFACE_TOKEN", "HF_TOKEN")
_STOPPED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where everything goes.

    Attributes:
        service: For the installed service, whose installer checks by itself.
    """

    file: Path
    folder: Path
    service: bool = False

    def secret(self, name: str) -> Path:
        """Return the file of one secret."""
        return self.folder / (f"postbrush.{name}" if self.service else name)


def init(
    flags: Flags, *, yes: bool, dry_run: bool, service: bool, secrets: Path | None
) -> None:
    """Ask, write, check; exit with the code of `check`."""
    target = _target(service=service, folder=secrets)
    if not dry_run:
        write.require_writable(target.file)
        write.require_writable(target.secret(secret.NOTION[0]))
    visit = Visit(file=target.file, environ=_environ(target), cwd=Path.cwd())
    if visit.settings().several:
        raise SetupError(
            f"{target.file} has several databases, [sources.NAME], and `init` sets up "
            "one: edit the file, then look with `postbrush check`"
        )
    talk = _talk(yes=yes)
    try:
        answers = prepare(talk, visit, flags, target, dry_run=dry_run)
    except (KeyboardInterrupt, EOFError):
        talk.say()
        talk.say("Stopped; nothing was written.")
        raise typer.Exit(_STOPPED) from None
    if dry_run:
        talk.say()
        talk.say("Nothing was written (--dry-run).")
        return
    carry_out(talk, visit, answers, target)
    if not service:
        _check(talk, target)


def _target(*, service: bool, folder: Path | None) -> Target:
    if folder is not None and not service:
        raise SetupError("--secrets goes with --service")
    named = OPTIONS.config or os.environ.get("POSTBRUSH_CONFIG") or "postbrush.toml"
    file = Path.cwd() / named
    return Target(
        file=file,
        folder=folder or config.secrets_path(file, Path.cwd()),
        service=service,
    )


def _environ(target: Target) -> Mapping[str, str]:
    """Return the environment; a service's own secrets are files it names."""
    if not target.service:
        return os.environ
    files = {name: target.secret(name) for name in _KNOWN}
    there = {f"{name}_FILE": str(p) for name, p in files.items() if p.exists()}
    return {**there, **os.environ}


def _talk(*, yes: bool) -> Talk:
    console = desk.console()

    def line(prompt: str) -> str:
        return console.input(prompt, markup=False)

    return Talk(
        console=console,
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        yes=yes,
        line=line,
        hidden=read_hidden,
    )


def prepare(
    talk: Talk, visit: Visit, flags: Flags, target: Target, *, dry_run: bool
) -> Answers:
    """Ask everything and show what will be written; writes nothing.

    Raises:
        PostbrushError: An answer is missing, somebody is away, the file is odd.
    """
    visit.settings()
    if talk.terminal and not talk.yes:
        talk.say("Five questions. Nothing is written before the last one is answered;")
        talk.say("Ctrl-C stops.")
    answers = Interview(talk=talk, visit=visit, flags=flags).hold()
    answers.secrets = {
        name: value
        for name, value in visit.tokens.items()
        if _written(target.secret(name)) != value
    }
    answers.text = _text(visit, answers, target)
    visit.settings(answers.text)
    _show(talk, answers, target, dry_run=dry_run)
    return answers


def _written(path: Path) -> str:
    try:
        # What others can read is written anew, for its owner alone.
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return ""
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _text(visit: Visit, answers: Answers, target: Target) -> str:
    if not target.file.exists():
        return draft.fresh(answers.source.title, answers.wanted)
    before = target.file.read_bytes().decode("utf-8")
    return draft.changed(before, answers.wanted, visit.file.name)


def _show(talk: Talk, answers: Answers, target: Target, *, dry_run: bool) -> None:
    talk.title("What would be written" if dry_run else "What is written now")
    for place in answers.added:
        talk.note(f"a column '{place.name}' in Notion")
    for name in answers.secrets:
        talk.note(f"{target.secret(name)}, for you alone to read")
    if answers.wanted or not target.file.exists():
        talk.note(str(target.file))
        for line in filter(None, draft.snippet(answers.wanted).splitlines()):
            talk.note(f"  {line}")
    elif not answers.added and not answers.secrets:
        talk.note("nothing: all of it is there already")


def carry_out(talk: Talk, visit: Visit, answers: Answers, target: Target) -> None:
    """Write everything.

    What is cut off leaves what the next run takes up: columns do no harm alone, a
    token is offered again, and the configuration comes last, when all it speaks of
    is there.

    Raises:
        PostbrushError: What came after it was not written.
    """
    if answers.added:
        columns = answers.columns
        visit.ask(lambda flow: flow.door.add_columns(answers.source.id, columns))
    for name, value in answers.secrets.items():
        write.secret(target.secret(name), value)
    if answers.wanted or not target.file.exists():
        copy = write.configuration(target.file, answers.text)
        if copy is not None:
            talk.note(f"what was in {target.file.name} before is in {copy.name}")
    talk.good("Written.")


def _check(talk: Talk, target: Target) -> None:
    OPTIONS.config = target.file
    talk.title("Does all of it work?")
    try:
        check.check(None, json=False)
    except typer.Exit:
        talk.say()
        talk.say("Do what the table says, then look again: postbrush check")
        raise
    talk.say()
    holder = lock.holder(app.lock_path(desk.settings()))
    if holder is not None:
        talk.say(f"The daemon runs (process {holder.pid}): restart it to use this.")
    else:
        talk.say("All is well. Start it: make run")
