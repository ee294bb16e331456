"""Reads the inputs of an image, and their fingerprint, from a page.  Pure.

They are read once, and stored with the job as JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from daemon.config.model import Options
from daemon.config.parsing import list_columns, uses_placeholder
from daemon.jobs.prompt import Inputs, build_prompt, choose_words
from daemon.notion.model import Page

#: Behind it, a brand says what images should show, and should not.
_NOT_SHOWN = re.compile(
    r"[.!?;\n\N{IDEOGRAPHIC FULL STOP}]|\b(?:no|not|never|without|kein\w*|nie|nicht"
    r"|ohne|sans|pas|jamais|sin|nunca|senza|mai|sem|nada|bez|geen|zonder|aldrig|utan)\b",
    re.IGNORECASE,
)


def read_inputs(page: Page, options: Options) -> tuple[Inputs, str]:
    """Return the inputs of *page* and their fingerprint."""
    built = build_prompt(
        page_prompt=page.prompt,
        post=page.post,
        title=page.title,
        columns=_read_columns(page),
        template=options.prompt.template,
        style=options.prompt.style,
        feedback=page.feedback,
        business=business_of(options),
    )
    inputs = Inputs(
        prompt=built.text,
        origin=built.origin,
        words=page.post.strip() or page.title.strip(),
        title=page.title,
        format=page.format or options.images.format,
        variants=_count_variants(page),
        pick=page.pick,
        feedback=page.feedback,
        request=built.request,
        post_part=[*built.post_part],
        columns=_columns_of_template(page, options),
        headline=page.headline if options.images.headline != "off" else None,
    )
    return inputs, compute_fingerprint(page, options)


def business_of(options: Options) -> str:
    """Return what the owner's business is, by brand and tag, and not what it avoids."""
    who = _NOT_SHOWN.split(options.writer.brand, maxsplit=1)[0]
    return f"{who.strip()} {options.card.tag}".strip()


def _read_columns(page: Page) -> dict[str, str]:
    return {name: cell.text for name, cell in page.properties.items()}


def inputs_of_text(text: str, options: Options) -> Inputs:
    """Return the inputs of an image for a post that has no page."""
    built = build_prompt(
        page_prompt="",
        post=text,
        title="",
        columns={},
        template=options.prompt.template,
        style=options.prompt.style,
        feedback="",
        business=business_of(options),
    )
    return Inputs(
        prompt=built.text,
        origin=built.origin,
        words=text.strip(),
        title="",
        format=options.images.format,
        variants=1,
        feedback="",
        request=built.request,
        post_part=[*built.post_part],
    )


def _columns_of_template(page: Page, options: Options) -> dict[str, str]:
    columns = _read_columns(page)
    names = list_columns(options.prompt.template)
    return {name: columns.get(name, "") for name in names}


def _count_variants(page: Page) -> int:
    return min(4, max(1, page.variants or 1))


def compute_fingerprint(page: Page, options: Options) -> str:
    """Return a hash of everything on the page that its image depends on.

    It covers the words of the prompt, the title and columns named in the template, the
    format and the variants.  It leaves out what postbrush writes or clears (signed
    URLs, the feedback).  It leaves out the settings, so that a change of style or
    template regenerates no image.  It leaves out texts that the prompt does not use, so
    that the same prompt is paid for once.
    """
    origin, words = choose_words(page.prompt, page.post, page.title)
    values: dict[str, str] = {origin: words}
    if uses_placeholder(options.prompt.template, "title"):
        values["title"] = page.title.strip()
    return _hash_texts(values, page, options)


def compute_former_fingerprint(page: Page, options: Options) -> str:
    """Return the fingerprint of an earlier version, which covers unused texts."""
    values = {
        "prompt": page.prompt.strip(),
        "post": page.post.strip(),
        "title": page.title.strip(),
    }
    return _hash_texts(values, page, options)


def _hash_texts(texts: Mapping[str, str], page: Page, options: Options) -> str:
    """Return a hash of *texts*, of format, variants and columns of the template."""
    hashed: dict[str, object] = {
        **texts,
        "format": page.format.strip().casefold(),
        "variants": _count_variants(page),
    }
    if used := _columns_of_template(page, options):
        hashed["columns"] = used
    canonical = json.dumps(hashed, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
