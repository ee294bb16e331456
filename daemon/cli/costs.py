"""`costs`: images and money by month and provider, and by post."""

from __future__ import annotations

import csv as csv_module
import sys
from dataclasses import asdict

from rich.console import Console

from daemon.cli import context
from daemon.jobs.budget import format_dollars, months_between
from db import attempts, posts
from db.attempts import CostRow


def show_costs(source: str | None, *, posts: bool, csv: bool, json: bool) -> None:
    """Add up what was called and what it cost."""
    context.run_coroutine(_show_costs(source, by_post=posts, csv=csv, json=json))


async def _show_costs(
    source: str | None, *, by_post: bool, csv: bool, json: bool
) -> None:
    found = context.load_settings(source)
    async with (
        context.read_session(found) as flows,
        flows.first.db.read_transaction() as tx,
    ):
        span, zone = await attempts.started_range(tx), flows.first.clock.zone
        months = months_between(*span, zone) if span else []
        lines = await attempts.load_cost_rows(
            tx, months, by_page=by_post, source=source
        )
        titles: dict[str, str] = {}
        for name in {line.source for line in lines}:
            pages = [one.page_id for one in lines if one.page_id and one.source == name]
            seen = await posts.get_many(tx, name, pages)
            titles |= {page: post.title for page, post in seen.items()}
    if csv:
        _write_csv(lines, titles)
        return
    context.print_result(
        [asdict(line) | {"title": titles.get(line.page_id, "")} for line in lines],
        json=json,
        human=lambda out: _print_table(
            out, lines, titles, by_post=by_post, several=found.has_named_sources
        ),
    )


def _write_csv(lines: list[CostRow], titles: dict[str, str]) -> None:
    out = csv_module.writer(sys.stdout)
    out.writerow(
        [
            *("month", "provider", "page", "title"),
            *("calls", "images", "usd", "included_usd", "source"),
        ]
    )
    for one in lines:
        out.writerow(
            [
                one.month,
                one.provider,
                one.page_id,
                _escape_formula(titles.get(one.page_id, "")),
                one.calls,
                one.images,
                f"{one.cost:.6f}",
                f"{one.covered:.6f}",
                one.source,
            ]
        )


def _escape_formula(title: str) -> str:
    """Keep a spreadsheet from reading a title as a formula."""
    return f"'{title}" if title[:1] in "=+-@\t\r" and title else title


def _print_table(
    out: Console,
    lines: list[CostRow],
    titles: dict[str, str],
    *,
    by_post: bool,
    several: bool,
) -> None:
    if not lines:
        out.print("no calls yet")
        return
    columns = ["PROVIDER", "CALLS", "IMAGES", "MONEY", "INCLUDED"]
    made = context.make_table(
        "MONTH",
        *(["SOURCE"] if several else []),
        *columns,
        *(["POST"] if by_post else []),
    )
    context.fill_table(
        made,
        [
            [
                one.month,
                *([one.source] if several else []),
                one.provider,
                one.calls,
                one.images,
                format_dollars(one.cost),
                format_dollars(one.covered) if one.covered else "",
                *([titles.get(one.page_id, "by hand")] if by_post else []),
            ]
            for one in lines
        ],
    )
    out.print(made)
    out.print(f"in all {format_dollars(sum(one.cost for one in lines))}")
