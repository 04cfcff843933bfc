"""Pages as a reader sees them: elements found by what they are, not by where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"input", "meta", "link", "br", "hr", "img", "use", "path"}


@dataclass
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the element, with single spaces."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())

    def all(self, tag: str | None = None, **wanted: str) -> list[Element]:
        """Find elements below by tag and attributes; `class_` means one of the classes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if (tag is None or child.tag == tag) and child._has(wanted):
                    found.append(child)
                found.extend(child.all(tag, **wanted))
        return found

    def one(self, tag: str | None = None, **wanted: str) -> Element:
        """Find the only such element."""
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{len(found)} elements {tag} {wanted}"
        return found[0]

    def _has(self, wanted: dict[str, str]) -> bool:
        for name, value in wanted.items():
            if name == "class_":
                if value not in self.attributes.get("class", "").split():
                    return False
            elif self.attributes.get(name.rstrip("_").replace("_", "-")) != value:
                return False
        return True


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(page: str) -> Element:
    """Read a page; every element must be closed."""
    builder = _Builder()
    builder.feed(page)
    assert len(builder._open) == 1, f"<{builder._open[-1].tag}> is not closed"
    return builder.root


def faults_beside(page: Element) -> dict[str, str]:
    """The faults shown beside fields, by the name of the field."""
    found = {}
    for tag in ("input", "select", "textarea"):
        for control in page.all(tag, aria_invalid="true"):
            ids = control.attributes["aria-describedby"].split()
            beside = next(page.one(id=each) for each in ids if each.endswith("-fault"))
            found[control.attributes["name"]] = beside.text
    return found
