"""Notes on a page about a job without an image.  Pure."""

from __future__ import annotations

#: Tells readers that the image they still see is not the failed one.
KEPT = "The current image was kept."


def no_image_note(
    why: str, *, shows_image: bool, after: str = "", advice: str = ""
) -> str:
    """Return a note that says why there is no image, or no new image.

    Args:
        why: The reason; a trailing full stop is removed.
        after: The effort, like " after 3 tries".
        advice: A sentence that says what to do.
    """
    start = "No new image" if shows_image else "No image"
    sentences = [f"{start}{after}: {why.rstrip('.')}.", KEPT if shows_image else ""]
    return " ".join(filter(None, [*sentences, advice]))
