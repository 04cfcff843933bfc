"""What the project's documents say: their commands, links, names."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ops.commands import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# A document's commands that are run carry this word after the language.
RUN = "run"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, whether it is run, its text, and the answer shown directly after it."""

    document: Path
    line: int
    language: str
    is_run: bool
    text: str
    answer: "Block | None" = None

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@cache
def text_of(document: Path) -> str:
    """Return what a document says."""
    return document.read_text()


@cache
def blocks(document: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a document."""
    found: list[Block] = []
    following: Block | None = None
    following_start = 0
    text = text_of(document)
    for fence in reversed(list(FENCE.finditer(text))):
        words = fence["info"].split() or [""]
        is_answered = (
            following
            and following.language in ("json", "text")
            and not text[fence.end() : following_start].strip()
        )
        block = Block(
            document,
            text.count("\n", 0, fence.start()) + 1,
            words[0],
            RUN in words[1:],
            fence["text"],
            following if is_answered and words[0] == "sh" else None,
        )
        found.insert(0, block)
        following, following_start = block, fence.start()
    return tuple(found)


def shell_blocks(*, run: bool) -> list[Block]:
    """Return all blocks of commands, those that are run or the others."""
    return [
        block
        for document in DOCUMENTS
        for block in blocks(document)
        if block.language == "sh" and block.is_run is run
    ]


def prose(document: Path) -> str:
    """Return a document without its fenced blocks."""
    return FENCE.sub("", text_of(document))


def commands(block: Block) -> list[str]:
    """Return the commands of a block, one to a line, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
