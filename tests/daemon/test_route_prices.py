"""A call is charged for the route that served it, within what was reserved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.house import House, house

#: Dollars of a square: 1088 x 1088 pixels on nscale, one megapixel on fal.
NSCALE, FAL = 0.0013 * 1.088**2, 0.003


async def test_an_image_costs_the_price_of_its_route(home: House) -> None:
    home.add(Format="square")
    await home.live()
    (call,) = await home.calls()
    assert call.price == pytest.approx(NSCALE)
    assert call.cost + call.included_cost == pytest.approx(NSCALE)


async def test_an_image_of_the_next_route_costs_the_price_of_that_route(
    home: House,
) -> None:
    home.hub.inject_fault("/nscale", status=404, body={"error": "Not Found"})
    home.add(Format="square")
    await home.live()
    (call,) = await home.calls()
    assert home.hub.painted == 1
    assert call.price == pytest.approx(FAL)
    assert call.cost + call.included_cost == pytest.approx(FAL)


async def test_a_failure_costs_the_price_of_the_route_that_failed(home: House) -> None:
    home.hub.inject_fault("/nscale", status=504, body="")
    home.add(Format="square")
    await home.live()
    call, *_ = await home.calls()
    assert call.outcome == "timeout"
    assert call.cost + call.included_cost == pytest.approx(NSCALE)


async def test_no_route_takes_more_than_the_month_has_left(tmp_path: Path) -> None:
    # Enough for one image of the dearer route, which every call may need.
    toml = "[budget]\nmonth = 0.0058\n[providers.flux]\nincluded = 0.0\n"
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        home.hub.inject_fault("/nscale", times=9, status=404, body={})
        for number in range(3):
            home.add(f"Post {number}", f"The bread number {number}.", Format="square")
        await home.live()
        spent = sum(call.cost for call in await home.calls())
        assert spent == pytest.approx(FAL)
        assert home.hub.painted == 1
