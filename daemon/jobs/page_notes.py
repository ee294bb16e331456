"""What a page says about a job that brought it no image.  Pure."""

from __future__ import annotations

#: Nobody is to believe that a picture they still see has failed.
KEPT = "The current image was kept."


def no_image_note(
    why: str, *, shows_image: bool, after: str = "", advice: str = ""
) -> str:
    """Return why there is no image; of a page that shows one: no new one.

    Args:
        why: Without its full stop.
        after: What was tried, like " after 3 tries".
        advice: A sentence: what to do.
    """
    start = "No new image" if shows_image else "No image"
    sentences = [f"{start}{after}: {why.rstrip('.')}.", KEPT if shows_image else ""]
    return " ".join(filter(None, [*sentences, advice]))
