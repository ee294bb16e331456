"""A job that Notion refuses, as its owner meets it beside the running daemon."""

from __future__ import annotations

import re

from tests.daemon.cli.desk import Desk


async def test_why_and_status_say_what_waits_and_for_what(desk: Desk) -> None:
    desk.add("Bread day")
    desk.town.workspace.inject_fault("POST /v1/file_uploads", times=None, status=403)
    async with desk.daemon() as daemon:
        line = await daemon.says("job.delayed")
        assert line["level"] == "warning"
        why = " ".join((await desk.cli("why", "bread")).out.split())
        assert "Uploading the image failed: Notion denies access" in why
        assert ". postbrush retries with increasing delays." in why
        words = " ".join((await desk.cli("status")).out.split())
        assert re.search(
            r"delayed job 1 'Bread day': uploading the image failed: "
            r"Notion denies access: .+. Next attempt: \d+ \w{3} [\d:]{8}",
            words,
        )
