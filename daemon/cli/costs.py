"""The command `costs`: images and dollars by month, provider and post."""

from __future__ import annotations

import asyncio
import csv as csv_module
import sys
from dataclasses import asdict

from rich.console import Console

from daemon.cli import context
from daemon.formatting import format_dollars
from daemon.jobs.budget import months_between
from db import attempts, posts
from db.attempts import CostRow


def show_costs(source: str | None, *, posts: bool, csv: bool, json: bool) -> None:
    """Print calls, images and dollars by month, provider and, with *posts*, post."""
    asyncio.run(_show_costs(source, by_post=posts, csv=csv, json=json))


async def _show_costs(
    source: str | None, *, by_post: bool, csv: bool, json: bool
) -> None:
    settings = context.load_settings(source)
    async with (
        context.read_session(settings) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        span, zone = await attempts.started_range(tx), sources.app.clock.zone
        months = months_between(*span, zone) if span else []
        rows = await attempts.load_cost_rows(tx, months, by_page=by_post, source=source)
        titles: dict[str, str] = {}
        for name in {row.source for row in rows}:
            pages = [row.page_id for row in rows if row.page_id and row.source == name]
            stored_posts = await posts.get_many(tx, name, pages)
            titles |= {page: post.title for page, post in stored_posts.items()}
    if csv:
        _write_csv(rows, titles)
        return
    context.print_result(
        [asdict(row) | {"title": titles.get(row.page_id, "")} for row in rows],
        json=json,
        human=lambda out: _print_table(
            out, rows, titles, by_post=by_post, several=settings.has_named_sources
        ),
    )


def _write_csv(rows: list[CostRow], titles: dict[str, str]) -> None:
    writer = csv_module.writer(sys.stdout)
    writer.writerow(
        [
            *("month", "provider", "page", "title"),
            *("calls", "images", "usd", "included_usd", "source"),
        ]
    )
    for row in rows:
        writer.writerow(
            [
                row.month,
                row.provider,
                row.page_id,
                _escape_formula(titles.get(row.page_id, "")),
                row.calls,
                row.images,
                f"{row.cost:.6f}",
                f"{row.covered:.6f}",
                row.source,
            ]
        )


def _escape_formula(title: str) -> str:
    """Quote a title that a spreadsheet would read as a formula."""
    return f"'{title}" if title[:1] in "=+-@\t\r" and title else title


def _print_table(
    out: Console,
    rows: list[CostRow],
    titles: dict[str, str],
    *,
    by_post: bool,
    several: bool,
) -> None:
    if not rows:
        out.print("no calls yet")
        return
    columns = (
        *("MONTH", *(["SOURCE"] if several else [])),
        *("PROVIDER", "CALLS", "IMAGES", "MONEY", "INCLUDED"),
        *(["POST"] if by_post else []),
    )
    cells = [
        [
            row.month,
            *([row.source] if several else []),
            row.provider,
            row.calls,
            row.images,
            format_dollars(row.cost),
            format_dollars(row.covered) if row.covered else "",
            *([titles.get(row.page_id, "by hand")] if by_post else []),
        ]
        for row in rows
    ]
    out.print(context.make_table(columns, cells))
    out.print(f"in all {format_dollars(sum(row.cost for row in rows))}")
