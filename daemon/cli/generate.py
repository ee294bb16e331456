"""The command `generate`: images without Notion."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json, Seed, Source
from daemon.config import Settings
from daemon.config.parsing import ImageFormat, parse_format
from daemon.context import Sources
from daemon.errors import SetupError
from daemon.generation import adhoc_image
from daemon.generation.account_check import AccountSchedule
from daemon.imaging import files
from daemon.service import lock
from db import upgrade
from db.models import ImageRecord
from providers import KINDS
from providers.base import CardLayout

_LAYOUTS: tuple[CardLayout, ...] = get_args(CardLayout)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """An image, or why there is none."""

    file: str = ""
    provider: str = ""
    seed: int | None = None
    width: int = 0
    height: int = 0
    card_why: str = ""
    error: str = ""
    copy_error: str = ""


def generate(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What the image should show.")
    ],
    provider: Annotated[
        str | None, typer.Option(help="Use only this provider.", metavar="NAME")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="square, portrait, landscape, story or WxH.")
    ] = None,
    count: Annotated[
        int, typer.Option("-n", min=1, max=4, help="Number of images.")
    ] = 1,
    seed: Seed = None,
    layout: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Layout of a card: {', '.join(_LAYOUTS)}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Copy the image to this file or folder.")
    ] = None,
    source: Source = None,
    json: Json = False,
) -> None:
    """Generate an image from a text, without Notion."""
    if not text.strip():
        raise SetupError(
            "The text is empty. Example: postbrush generate 'a lighthouse at dawn'"
        )
    size = parse_format(format or "square")
    if out is not None:
        _check_target(out, count)
    settings = context.load_settings(source)
    if layout is not None:
        settings = first_source_settings(settings).with_layout(_parse_layout(layout))
    chain = select_chain(first_source_settings(settings), provider)
    context.silence_log(settings)
    results, labels = asyncio.run(
        _generate_images(settings, text, size, chain, count, seed)
    )
    folder = app.images_path(settings)
    descriptions = [_describe_result(result, folder, out, count) for result in results]
    output.print_result(
        descriptions,
        json=json,
        human=lambda console: _print_results(console, descriptions, labels),
    )
    if any(result.error or result.copy_error for result in descriptions):
        raise typer.Exit(1)


def _parse_layout(name: str) -> CardLayout:
    """Return the layout of that name; SetupError lists the names if there is none."""
    for layout in _LAYOUTS:
        if layout == name.strip().lower():
            return layout
    raise SetupError(
        f"{name!r} is not a layout. The layouts are: {', '.join(_LAYOUTS)}"
    )


async def _generate_images(
    settings: Settings,
    text: str,
    size: ImageFormat,
    chain: tuple[str, ...],
    count: int,
    seed: int | None,
) -> tuple[list[ImageRecord | str], Mapping[str, str]]:
    """Return the images or errors, fewer after Ctrl-C, and the labels of the chain."""
    images: list[ImageRecord | str] = []
    async with prepared_context(settings) as sources:
        source = sources.first
        labels = {name: source.label_of(name) for name in chain}
        await AccountSchedule(sources).refresh_all()
        with context.graceful_interrupt(source), make_progress_bar() as bar:
            words = f"Generating with {', then '.join(labels.values())}"
            task = bar.add_task(words, total=count)
            for number in range(1, count + 1):
                if source.app.signals.stopping.is_set():
                    break
                image = await adhoc_image.generate_adhoc_image(
                    source, text=text, size=size, chain=chain, number=number, seed=seed
                )
                images.append(image)
                bar.advance(task)
    return images, labels


def first_source_settings(settings: Settings) -> Settings:
    """Return the settings of the first source, for images without a post."""
    return next(iter(settings.by_source().values()))


def select_chain(settings: Settings, provider: str | None) -> tuple[str, ...]:
    """Return the configured chain, or *provider* alone; SetupError if unknown."""
    if provider is None:
        return settings.resolved_chain()
    if provider not in settings.configured_providers():
        raise SetupError(_unavailable_reason(settings, provider))
    return (provider,)


def _unavailable_reason(settings: Settings, name: str) -> str:
    if name not in KINDS and name not in settings.options.providers:
        usable = ", ".join(settings.configured_providers())
        return f"{name!r} is not a provider. The configured providers are: {usable}"
    if lack := settings.missing_requirement(name):
        return f"{name!r} cannot be used because it {lack}"
    return (
        f"{name!r} is not configured. Add it to the chain, or add [providers.{name}] "
        "to the configuration"
    )


def prepared_context(settings: Settings) -> AbstractAsyncContextManager[Sources]:
    """Open the data folder; upgrade its schema unless a daemon holds it."""
    backend = app.database_backend(settings)
    files.ensure_folder(app.images_path(settings))
    if lock.find_holder(app.lock_path(settings)) is None:
        upgrade.upgrade_schema(backend)
    upgrade.require_current(backend)
    return app.open_context(settings)


def make_progress_bar() -> Progress:
    """Return a progress bar on stderr that disappears at the end."""
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
) -> ImageReport:
    if isinstance(result, str):
        return ImageReport(error=result)
    path = folder / result.name
    problem = _copy_image(path, out, count) if out is not None else ""
    return ImageReport(
        file=str(path if out is None or problem else _copy_target(path, out, count)),
        provider=result.provider,
        seed=result.seed,
        width=result.width,
        height=result.height,
        card_why=result.card_why,
        copy_error=problem,
    )


def _check_target(out: Path, count: int) -> None:
    """Raise SetupError if a copy cannot be written, before a call is paid for."""
    if count == 1 and not out.is_dir() and out.suffix.lower() != ".png":
        raise SetupError(
            f"--out {out}: the name must end with .png, since images are PNG files"
        )
    folder = out if count > 1 or out.is_dir() else out.parent
    if not folder.is_dir():
        raise SetupError(f"--out {out}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(f"--out {out}: the folder {folder} is not writable")


def _copy_target(path: Path, out: Path, count: int) -> Path:
    return out / path.name if count > 1 or out.is_dir() else out


def _copy_image(path: Path, out: Path, count: int) -> str:
    """Copy an image; return why that is not possible, or ""."""
    try:
        shutil.copyfile(path, _copy_target(path, out, count))
    except OSError as error:
        return f"{out} cannot be written: {error.strerror}"
    return ""


def _print_results(
    console: Console, descriptions: Sequence[ImageReport], labels: Mapping[str, str]
) -> None:
    for result in descriptions:
        if result.error:
            console.print(f"No image was generated: {result.error}", markup=False)
            continue
        if result.copy_error:
            console.print(f"{result.copy_error}. The image is kept here:", markup=False)
        why = f", because {result.card_why}" if result.card_why else ""
        console.print(
            f"{result.file}  {labels[result.provider]}, seed {result.seed}{why}",
            markup=False,
            soft_wrap=True,
        )
