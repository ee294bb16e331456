"""Texts for people use the words of the field: a list of tics that came back often.

A word that fits after all is an exception with its reason, not a shorter list.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon import config

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    "README.md": (ROOT / "README.md").read_text(),
    **{
        f"docs/{path.name}": path.read_text() for path in sorted(ROOT.glob("docs/*.md"))
    },
    "the example configuration": config.example_text(),
    # What is in braces is a value, not a word.
    "the messages": re.sub(
        r"\{+.*?\}+", "", (ROOT / "tests" / "messages.txt").read_text()
    ),
    "make help": "\n".join(re.findall(r"## (.+)", (ROOT / "Makefile").read_text())),
}
#: A tic, and what a technical writer says instead.
TICS = {
    r"wish(?:es|ed)?": "request",
    r"rests|rested|resting": "is paused",
    r"serves|serving": "is available; uses",
    r"letters? (?:a|the|it|what)\b|lettered": "renders, puts words on",
    r"paint(?:s|ed|ing|er)?": "generate",
    r"greet(?:s|ed|ing)?": "check",
    r"un-?tick(?:s|ed|ing)?": "clear",
    r"by (?:itself|themselves)": "automatically",
    r"takes? up": "starts, continues",
    r"all that (?:can|may)": "name them",
    r"what there is": "name it",
    r"stand(?:s|ing)? in for": "replaces",
    r"goes on|go on|went on": "continues",
    r"the other one'?s": "name it",
    r"belongs? into|puts? into": "in",
    r"(?:is|are|has|have) no "
    r"(?!longer|more|credits|text|effect|access|such|charge)\w+": "is not a",
    r"there (?:is|are) no (?!such|charge)\w+": "say what is missing",
    r"not asked for|asked for everywhere": "requires",
    r"chokes?": "rejects",
    r"peace": "a break",
    r"nobody|somebody|whoever": "no one; anyone who",
    r"money": "cost, amount",
    r"held": "waiting for approval",
    r"too\.": "as well, also",
    r"(?:is|are|was) away": "is unavailable",
    r"asked again|answers? again|serves again": "retries, is available again",
    r"mend(?:s|ed|ing)?": "repair, correct",
    r"growing pauses": "increasing delays",
    r"belie(?:ve|ves|ved)": "has, expects",
}
#: (file, words of the line): why the word is right there.
EXCEPTIONS = {
    ("the messages", "Answer again with the JSON object"): "said to a model",
    ("docs/operations.md", "| `lettered/`"): "the name of a folder",
    ("docs/container.md", "99:100 (nobody:users)"): "the user of that name",
    ("docs/operations.md", "ntfy.sh/a-name-nobody"): "an example of a secret name",
}


def find_tics(text: str) -> list[tuple[str, str]]:
    """Return each tic with the lines it is on; it may go over the end of a line."""
    found: list[tuple[str, str]] = []
    for tic in TICS:
        pattern = rf"\b(?:{tic})(?!\w)".replace(" ", r"\s+")
        for match in re.finditer(pattern, text, re.IGNORECASE):
            begin = text.rfind("\n", 0, match.start()) + 1
            line = text[begin:].partition("\n")[0]
            if "\n" in match[0]:
                line = text[begin : match.end()]
            found.append((tic, line))
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_none_of_the_tics(name: str) -> None:
    found = [
        f"{tic} (say: {TICS[tic]}): {line}"
        for tic, line in find_tics(TEXTS[name])
        if not any(file == name and words in line for file, words in EXCEPTIONS)
    ]
    assert found == []


@pytest.mark.parametrize(("file", "words"), EXCEPTIONS)
def test_an_exception_is_needed(file: str, words: str) -> None:
    assert any(words in line for _, line in find_tics(TEXTS[file]))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Every wish gets one answer, by\nitself.", 2),
        ("The rest of the REST API is no longer served.", 0),
        ("This is no id. Let a resting provider serve again.", 2),
    ],
)
def test_tics_are_found(text: str, count: int) -> None:
    assert len(find_tics(text)) == count
