"""Every text for people stands in `messages.txt`, so that a change of words is seen.

`python -m tests.test_messages` writes the file anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = ROOT / "tests" / "messages.txt"
#: The files of each section, as glob patterns; a file is in the first that names it.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Notion pages": (
        "daemon/delivery/*.py",
        "daemon/generation/*.py",
        "daemon/jobs/retry_policy.py",
        "daemon/jobs/postponement.py",
        "daemon/jobs/job_validity.py",
        "providers/breaker.py",
        "providers/breaker_text.py",
        "providers/chain.py",
        "providers/outcomes.py",
    ),
    "Web page": (
        "daemon/web/*.py",
        "daemon/web/templates/*.html",
        "daemon/web/static/*.js",
        "daemon/formatting.py",
        "daemon/jobs/actions.py",
        "daemon/jobs/allowance.py",
        "daemon/jobs/writing.py",
    ),
    "Command line": (
        "daemon/cli/*.py",
        "daemon/cli/setup/*.py",
        "daemon/config/*.py",
        "daemon/errors.py",
    ),
    "Log and errors": (
        "daemon/*.py",
        "daemon/cluster/*.py",
        "daemon/jobs/*.py",
        "daemon/imaging/*.py",
        "daemon/maintenance/*.py",
        "daemon/notion/*.py",
        "daemon/service/*.py",
        "daemon/sync/*.py",
        "daemon/imaging/store/*.py",
        "db/*.py",
    ),
    "Services": (
        "providers/*.py",
        "providers/writers/*.py",
        "providers/card/compose.py",
        "providers/card/font_files.py",
    ),
    "Demo's board": ("daemon/pretend/page/*.html", "daemon/pretend/page/*.js"),
}
#: Two words, or one that begins a sentence.
_PROSE = re.compile(
    r"[A-Za-z\d}’'][,.:;?!)”\"]* [(“\"'{]?[A-Za-z\d]|^[A-Z][a-z]+\b(?!-[A-Z])"
)
_SHOWN_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}
_INLINE = {"a", "b", "br", "code", "i", "span", "time"}


def _texts_of_python(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        # A docstring, an error for programmers, a pattern, parts of an f-string.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        unseen = {"AssertionError", "re.compile"}
        if isinstance(node, ast.Call) and ast.unparse(node.func) in unseen:
            skipped.update(ast.walk(node))
        if isinstance(node, ast.JoinedStr) and node not in skipped:
            skipped.update(node.values)
            yield "".join(map(_template, node.values))
        elif isinstance(node, ast.Constant) and node not in skipped:
            yield node.value if isinstance(node.value, str) else ""


def _template(part: ast.expr) -> str:
    """Return a part of an f-string: its text, or the name of its value in braces."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    names = [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(part)
        if isinstance(node, ast.Attribute | ast.Name)
    ]
    return f"{{{names[0] if names else ''}}}"


class _Page(HTMLParser):
    """Collects the texts of a template, with its conditions and values in braces."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break_at(tag)
        shown = [value or "" for name, value in attrs if name in _SHOWN_ATTRIBUTES]
        self.texts[-1:-1] = shown

    def handle_endtag(self, tag: str) -> None:
        self._break_at(tag)

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data

    def _break_at(self, tag: str) -> None:
        if tag not in _INLINE:
            self.texts.append("")


def _texts_of_template(source: str) -> Iterator[str]:
    page = _Page()
    page.feed(re.sub(r"\{%-?\s*(.*?)\s*-?%\}", _condition, source))
    yield from page.texts


def _condition(tag: re.Match[str]) -> str:
    return "|" if tag[1].split()[0] in {"if", "else", "elif", "endif"} else ""


def _texts_of_script(source: str) -> Iterator[str]:
    for literal in re.findall(r'"([^"\n]*)"|`([^`]*)`', source):
        yield "".join(literal)


_READERS = {
    ".py": _texts_of_python,
    ".html": _texts_of_template,
    ".js": _texts_of_script,
}


def _messages_of(path: Path) -> list[str]:
    texts = _READERS[path.suffix](path.read_text())
    cleaned = {" ".join(text.split()).strip("| ") for text in texts}
    return sorted(text for text in cleaned if _PROSE.search(text))


def render_messages() -> str:
    """Return the content of `messages.txt`: a section for each module with texts."""
    lines, seen = [], set[Path]()
    for heading, patterns in SECTIONS.items():
        lines += ["", f"# {heading}"]
        for path in sorted({path for each in patterns for path in ROOT.glob(each)}):
            messages = _messages_of(path) if path not in seen else []
            seen.add(path)
            if messages:
                lines += ["", f"## {path.relative_to(ROOT)}", "", *messages]
    return "\n".join(lines[1:]) + "\n"


def test_every_text_stands_in_the_file_of_messages() -> None:
    assert MESSAGES.read_text() == render_messages(), (
        "texts have changed: look at them with `python -m tests.test_messages` and "
        "`git diff tests/messages.txt`"
    )


if __name__ == "__main__":
    MESSAGES.write_text(render_messages())
