"""A machine that was copied has the name of another in its data folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.cluster.member import ClusterMember
from daemon.errors import SetupError
from tests.daemon.fleet import fleet
from tests.daemon.house import house


async def test_a_copy_of_a_machine_does_not_go_on_as_the_original(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, size=1) as all_:
        await all_.begin()
        folder = tmp_path / "copy"
        folder.mkdir()
        name = (all_.first.settings.data_dir / "postbrush.id").read_text()
        (folder / "postbrush.id").write_text(name)
        environ = {"POSTBRUSH_DATABASE__URL": all_.place.url.render_as_string()}
        town, clock = all_.first.town, all_.first.clock
        async with house(folder, town=town, clock=clock, environ=environ) as copy:
            with pytest.raises(SetupError, match=r"delete postbrush.id in it$"):
                await copy.company.recover_work()
            # Once the other is gone, it is the only one.
            await all_.first.die()
            assert isinstance(copy.company, ClusterMember)
            # The server notices the lost connection a little later.
            async with asyncio.timeout(30):
                while await copy.company.presence.has_twin():
                    pass
            await copy.company.recover_work()
            assert copy.source.state.is_leader
