"""Plain text with soft line ends (format=flowed, RFC 3676), as the paragraphs that were written."""

import re

_QUOTE = re.compile(r"(>*)( ?)")


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """A line that ends with a space goes on in the next one, if that is quoted as deep."""
    done: list[str] = []
    depth, paragraph = 0, list[str]()
    for line in text.split("\n"):
        level, content = _parted(line)
        if paragraph and level != depth:
            done.append(_joined(depth, paragraph))
            paragraph = []
        depth = level
        flows = content.endswith(" ") and content != "-- "
        paragraph.append(content[:-1] if flows and delete_space else content)
        if not flows:
            done.append(_joined(depth, paragraph))
            paragraph = []
    if paragraph:
        done.append(_joined(depth, paragraph))
    return "\n".join(done)


def _parted(line: str) -> tuple[int, str]:
    match = _QUOTE.match(line)
    return (len(match[1]), line[match.end() :]) if match else (0, line)


def _joined(depth: int, paragraph: list[str]) -> str:
    text = "".join(paragraph)
    if text != "-- ":
        text = text.rstrip(" ")
    return f"{'>' * depth} {text}".rstrip("\n") if depth else text
