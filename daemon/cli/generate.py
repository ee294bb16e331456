"""`generate TEXT`: images without Notion."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from daemon import app
from daemon.cli import context
from daemon.cli.signals import graceful_interrupt
from daemon.config import Settings
from daemon.config.formats import parse_format
from daemon.errors import SetupError
from daemon.generation import adhoc_image
from daemon.imaging import files
from daemon.service import lock, log
from daemon.sources import Sources
from db import upgrade
from db.models import ImageRecord
from providers import KINDS


def generate_images(
    text: str,
    *,
    provider: str | None,
    format_name: str | None,
    count: int,
    seed: int | None,
    out: Path | None,
    source: str | None,
    json: bool,
) -> None:
    """Make images, and say where they are."""
    if not text.strip():
        raise SetupError("say what to paint: postbrush generate 'a lighthouse at dawn'")
    size = parse_format(format_name or "square")
    if out is not None:
        _check_target(out, count)
    found = context.load_settings(source)
    chain = select_chain(first_source_settings(found), provider)
    silence_log(found)

    async def work() -> list[ImageRecord | str]:
        made: list[ImageRecord | str] = []
        async with prepared_context(found) as flows:
            flow = flows.first
            with graceful_interrupt(flow), make_progress_bar() as bar:
                task = bar.add_task(f"asking {', then '.join(chain)}", total=count)
                for number in range(1, count + 1):
                    if flow.stopping.is_set():
                        break
                    made.append(
                        await adhoc_image.generate_adhoc_image(
                            flow,
                            text=text,
                            size=size,
                            chain=chain,
                            number=number,
                            seed=seed,
                        )
                    )
                    bar.advance(task)
        return made

    results = context.run_coroutine(work())
    folder = app.images_path(found)
    shown = [_describe_result(one, folder, out, count) for one in results]
    context.print_result(
        shown, json=json, human=lambda console: _print_results(console, shown)
    )
    if any("error" in one or "not_copied" in one for one in shown):
        raise typer.Exit(1)


def first_source_settings(found: Settings) -> Settings:
    """Return the settings by which an image is made that belongs to no post."""
    return next(iter(found.by_source().values()))


def select_chain(found: Settings, provider: str | None) -> tuple[str, ...]:
    """Return the chain to ask: the configured one, or one provider alone."""
    if provider is None:
        return found.resolved_chain()
    if provider not in found.configured_providers():
        raise SetupError(
            f"{provider!r} cannot be asked: {_unavailable_reason(found, provider)}"
        )
    return (provider,)


def _unavailable_reason(found: Settings, name: str) -> str:
    if name not in KINDS and name not in found.providers:
        return f"known: {', '.join(found.configured_providers())}"
    return found.missing_requirement(name) or (
        f"put it into the chain, or [providers.{name}] into the configuration"
    )


def silence_log(found: Settings) -> None:
    """Keep the log of a command at a terminal to what went wrong."""
    log.configure(
        "error",
        "pretty",
        environ={},
        stream=sys.stderr,
        secrets=found.secrets.all_values(),
    )


def prepared_context(found: Settings) -> AbstractAsyncContextManager[Sources]:
    """Open the data folder for an image by hand, beside a running daemon or alone."""
    place = app.database_backend(found)
    files.ensure_folder(app.images_path(found))
    if lock.find_holder(app.lock_path(found)) is None:
        upgrade.upgrade_schema(place)
    upgrade.require_current(place)
    return app.open_context(found)


def make_progress_bar() -> Progress:
    """Return a progress bar on stderr that vanishes when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _describe_result(
    result: ImageRecord | str, folder: Path, out: Path | None, count: int
) -> dict[str, object]:
    if isinstance(result, str):
        return {"error": result}
    path = folder / result.name
    problem = _copy_image(path, out, count) if out is not None else {}
    return {
        **problem,
        "file": str(path if out is None or problem else _copy_target(path, out, count)),
        "provider": result.provider,
        "seed": result.seed,
        "width": result.width,
        "height": result.height,
        "why_card": result.card_why,
    }


def _check_target(out: Path, count: int) -> None:
    """See that a copy can be put there, before anything is paid for."""
    if count == 1 and not out.is_dir() and out.suffix.lower() != ".png":
        raise SetupError(f"--out {out}: images are PNG files, so call it .png")
    folder = out if count > 1 or out.is_dir() else out.parent
    if not folder.is_dir():
        raise SetupError(f"--out {out}: there is no folder {folder}: make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(f"--out {out}: {folder} cannot be written to")


def _copy_target(path: Path, out: Path, count: int) -> Path:
    return out / path.name if count > 1 or out.is_dir() else out


def _copy_image(path: Path, out: Path, count: int) -> dict[str, object]:
    try:
        shutil.copyfile(path, _copy_target(path, out, count))
    except OSError as error:
        return {"not_copied": f"cannot write {out}: {error.strerror}"}
    return {}


def _print_results(console: Console, shown: list[dict[str, object]]) -> None:
    for one in shown:
        if "error" in one:
            console.print(f"no image: {one['error']}", markup=False)
            continue
        if "not_copied" in one:
            console.print(f"{one['not_copied']}; it is kept:", markup=False)
        why = f", because {one['why_card']}" if one["why_card"] else ""
        console.print(
            f"{one['file']}  {one['provider']}, seed {one['seed']}{why}",
            markup=False,
            soft_wrap=True,
        )
