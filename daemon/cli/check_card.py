"""The check of `check` for the colors of the card."""

from __future__ import annotations

from daemon.cli.check_notion import CheckResult
from daemon.config import Settings
from providers.card.colour import illegible_contrast


def check_card(settings: Settings, prefix: str) -> list[CheckResult]:
    """Return what is wrong with the colours of the card; nothing if all is well."""
    card = settings.options.card
    if not card.background or not card.color:
        return []
    ratio = illegible_contrast(card.background, card.color)
    if ratio is None:
        return []
    return [
        CheckResult(
            f"{prefix}card",
            f"card.color on card.background has a contrast of {ratio:.1f}:1",
            "choose colors with a contrast of at least 3:1; cards use another text "
            "color until then",
        )
    ]
