"""What the commands say about the account at Hugging Face, and its token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.daemon.cli.desk import Desk

_INFERENCE, _BILLING = "inference.serverless.write", "user.billing.read"
_LINK = "tick that box at huggingface.co/settings/tokens"


async def _check_of_flux(desk: Desk) -> tuple[int, dict[str, Any]]:
    checked = await desk.cli("check", "--json")
    rows = {row["what"]: row for row in checked.json}
    return checked.code, rows["flux"]


async def test_check_asks_the_account_before_anything_is_stored(desk: Desk) -> None:
    desk.without_database()
    desk.town.hub.account.used_elsewhere = 0.04
    code, flux = await _check_of_flux(desk)
    assert "$0.04 of $2.00 included credits used, renews 1 " in flux["found"]
    assert (code, flux["todo"]) == (0, "")
    desk.town.hub.account.included = 0.0
    _, flux = await _check_of_flux(desk)
    charged = "no credits included: each image is charged, about $0.0015"
    assert charged in flux["found"]


@pytest.mark.parametrize(
    ("rights", "code", "found", "todo"),
    [
        ((_INFERENCE, _BILLING), 0, "included credits used", ""),
        (
            (_INFERENCE,),
            0,
            f'(the token lacks the right "Billing: read"; {_LINK})',
            "",
        ),
        (
            (_BILLING,),
            1,
            "included credits used",
            f'the token lacks the right "Make calls to Inference Providers"; {_LINK}',
        ),
    ],
)
async def test_check_says_which_box_to_tick(
    desk: Desk, rights: tuple[str, ...], code: int, found: str, todo: str
) -> None:
    desk.town.hub.account.rights = rights
    ended, flux = await _check_of_flux(desk)
    assert found in flux["found"]
    assert (ended, flux["todo"]) == (code, todo)


async def test_every_command_shows_the_stored_answer(desk: Desk) -> None:
    desk.town.hub.account.used_elsewhere = 0.04
    assert (await desk.cli("generate", "a cake")).code == 0
    words = "$0.04 of $2.00 included credits used, renews 1 "
    for command in ("providers", "costs", "status"):
        said = await desk.cli(command, COLUMNS="200")
        assert words in said.out, command
    listed = await desk.cli("providers", "--json")
    flux = next(row for row in listed.json if row["provider"] == "flux")
    assert (flux["included"], flux["included_known"]) == (2.0, True)
    assert (flux["calls"], flux["cost"]) == (1, 0.0)


async def test_free_only_generates_no_image_that_may_be_charged(desk: Desk) -> None:
    desk.configure("free_only = true\n")
    desk.town.hub.account.included = 0.0
    refused = await desk.cli("generate", "a cake", "--provider", "flux")
    assert refused.code == 1
    assert desk.town.hub.served == []
