"""From the configuration to what the flow works with."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from daemon.config import Settings, sources
from daemon.flow.context import Plan
from daemon.flow.inputs import Recipe
from daemon.flow.money import Limits
from daemon.flow.prompt import named_in
from daemon.flow.wants import Rules
from daemon.notion.model import Role
from providers import build
from providers.base import Provider
from providers.settings import ProviderSettings

_USUAL_MEGAPIXELS = 1080 * 1080 / 1e6


def providers_of(own: Settings, each: Mapping[str, Settings]) -> dict[str, Provider]:
    """Build every provider that a source can ask, the chain of *own* first."""
    names = [*own.configured(), *(n for one in each.values() for n in one.configured())]
    return {name: build(own.provider_settings(name)) for name in dict.fromkeys(names)}


def plan_of(
    settings: Settings,
    providers: Mapping[str, Provider],
    fingerprints: Mapping[str, str],
) -> Plan:
    """Return the settings that the flow of one source depends on."""
    posts, options = settings.posts, settings.options
    chain = settings.resolved_chain()
    return Plan(
        source=settings.source or sources.DEFAULT,
        rules=Rules(
            settle=posts.settle,
            on_edit=posts.on_edit,
            only=posts.only,
            skip=posts.skip,
        ),
        recipe=Recipe(
            template=settings.prompt.template,
            style=settings.prompt.style,
            format=settings.images.format,
        ),
        limits=Limits(
            month=settings.budget.month,
            day=settings.budget.day,
            per_post_day=settings.budget.per_post_day,
            free_only=options.free_only,
        ),
        chain=chain,
        hold=posts.hold,
        tries=posts.tries,
        on_refusal=options.on_refusal,
        loading_wait=options.loading_wait,
        concurrency=options.concurrency,
        on_done=posts.on_done,
        on_card=posts.on_card,
        replace_cards=posts.replace_cards,
        replacements_per_day=posts.replacements_per_day,
        cover=posts.cover,
        mark_ai=settings.images.mark_ai,
        embed_prompt=settings.images.embed_prompt,
        reserve=settings.images.reserve,
        keep=timedelta(days=days) if (days := settings.images.keep_days) else None,
        tag=settings.card.tag,
        usual_price=providers[chain[0]].traits.price(_USUAL_MEGAPIXELS),
        fingerprints=fingerprints,
        own_budgets=settings.own_budgets(),
    )


def fingerprints_of(each: Mapping[str, Settings]) -> Mapping[str, str]:
    """Return a keyed hash of each provider's token and settings.

    The key is a Notion token, so that what is stored says nothing of the other.
    """
    token = next(iter(each.values())).notion_token
    key = token.get_secret_value().encode() if token else b"postbrush"
    return {
        name: _hash(key, own.provider_settings(name))
        for own in each.values()
        for name in own.configured()
    }


def _hash(key: bytes, entry: ProviderSettings) -> str:
    values = asdict(entry) | {"extra": dict(entry.extra)}
    # How the card looks says nothing about whether a service serves.
    del values["card"]
    text = json.dumps(values, sort_keys=True, default=str)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def names_of(settings: Settings) -> Mapping[Role, str]:
    """Return the configured column name of each role."""
    return {role: getattr(settings.notion.properties, role.value) for role in Role}


def named_properties(settings: Settings) -> tuple[str, ...]:
    """Return the properties that the settings name beside those with a role."""
    posts = settings.posts
    filters = (posts.only, posts.skip, posts.on_done, posts.on_card or {})
    named = [name for given in filters for name in given]
    return tuple(dict.fromkeys([*named, *named_in(settings.prompt.template)]))
