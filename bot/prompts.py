"""The words of the agents: Markdown files with a few lines of front matter and `{{ variable }}` places."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import StartError
from bot.tools import Agent

VARIABLES = ("agent_name", "agent_description", "language")
"""What a prompt may name. What changes from request to request (time, person) stands in the request's end."""

_KEYS = ("agent", "variables")
_PLACE = re.compile(r"\{\{[^\S\n]*([^{}\n]*?)[^\S\n]*\}\}")


@dataclass(frozen=True)
class Prompt:
    """One prompt, checked: its places are exactly its variables."""

    name: str
    agent: str
    variables: tuple[str, ...]
    body: str
    path: Path | None = None

    def render(self, **values: str) -> str:
        """The text that is sent; values that this prompt does not use are ignored."""
        if missing := [name for name in self.variables if name not in values]:
            raise ValueError(f"the prompt {self.name} needs a value for {', '.join(missing)}")
        return _PLACE.sub(lambda place: values[place[1]], self.body)


def load_prompts(folders: Sequence[Path], *, agents: Iterable[Agent]) -> Mapping[str, Prompt]:
    """All prompts by name; a file in an earlier folder stands for one of the same name in a later one.

    Raises StartError, one line for each thing that is wrong.
    """
    wanted = tuple(agents)
    files = _files(folders)
    problems: list[str] = []
    prompts: dict[str, Prompt] = {}
    for name, path in files.items():
        draft = _Draft.read(path)
        problems += [f"{path}:{line}: {what}" for line, what in draft.problems(wanted)]
        prompts[name] = draft.prompt
    problems += _missing(wanted, prompts, folders)
    if problems:
        raise StartError("\n".join(problems))
    return prompts


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise StartError(
                f"{folder}: there is no such folder of prompts; create it or take it out of paths.prompts"
            )
        for path in sorted(folder.glob("*.md")):
            found.setdefault(path.stem, path)
    return found


def _missing(
    agents: Sequence[Agent], prompts: Mapping[str, Prompt], folders: Sequence[Path]
) -> Iterator[str]:
    for agent in agents:
        if agent.prompt not in prompts:
            places = " or ".join(str(folder / f"{agent.prompt}.md") for folder in folders)
            yield f"{places}: the prompt of the agent {agent.name} is missing"
        elif prompts[agent.prompt].agent not in ("", agent.name):
            path = prompts[agent.prompt].path
            yield f"{path}:2: this is the prompt of the agent {agent.name}, which `agent:` must name"


@dataclass(frozen=True)
class _Draft:
    """A prompt file as it was read, right or wrong."""

    path: Path
    lines: tuple[str, ...]
    unreadable: str = ""

    @classmethod
    def read(cls, path: Path) -> "_Draft":
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            return cls(path, (), f"it cannot be read: {error}")
        return cls(path, tuple(text.splitlines()))

    @property
    def end(self) -> int:
        """The index of the line that ends the front matter; 0 if there is none."""
        if not self.lines or self.lines[0].rstrip() != "---":
            return 0
        return next((n for n, line in enumerate(self.lines) if n and line.rstrip() == "---"), 0)

    @property
    def prompt(self) -> Prompt:
        values = {key: value for _, key, value in self._front()}
        body = "\n".join(self.lines[self.end + 1 :]).strip() + "\n"
        return Prompt(
            self.path.stem, values.get("agent", ""), _names(values.get("variables", "")), body, self.path
        )

    def problems(self, agents: Sequence[Agent]) -> Iterator[tuple[int, str]]:
        if self.unreadable:
            yield 1, self.unreadable
        elif not self.end:
            yield 1, "the file must begin with `---`, a line `agent: name`, a line `variables: ...` and `---`"
        else:
            yield from self._front_problems(agents)
            yield from self._body_problems()

    def _front(self) -> Iterator[tuple[int, str, str]]:
        """Line number, key and value of each line of the front matter."""
        for number, line in enumerate(self.lines[1 : self.end], start=2):
            if line.strip():
                key, _, value = line.partition(":")
                yield number, key.strip(), value.strip()

    def _front_problems(self, agents: Sequence[Agent]) -> Iterator[tuple[int, str]]:
        known = [agent.name for agent in agents]
        seen: set[str] = set()
        for number, key, value in self._front():
            if key not in _KEYS:
                yield number, f"`{key}` is not a setting of a prompt; there are {' and '.join(_KEYS)}"
            elif key in seen:
                yield number, f"`{key}` stands here twice"
            elif key == "agent" and value not in known:
                yield number, f"no agent is called {value!r}; there are {', '.join(known)}"
            elif key == "variables":
                yield from ((number, problem) for problem in _name_problems(value))
            seen.add(key)
        if "agent" not in seen:
            yield self.end + 1, "the front matter does not say which `agent:` this prompt is for"

    def _body_problems(self) -> Iterator[tuple[int, str]]:
        declared = self.prompt.variables
        used: set[str] = set()
        for number, line in enumerate(self.lines[self.end + 1 :], start=self.end + 2):
            used |= set(_PLACE.findall(line))
            for name in _PLACE.findall(line):
                if name not in declared:
                    yield number, f"{{{{ {name} }}}} is not among the `variables:` of the front matter"
            if "{{" in _PLACE.sub("", line):
                yield number, "`{{` begins a variable, and this one is not whole"
        at = next((number for number, key, _ in self._front() if key == "variables"), self.end + 1)
        yield from (
            (at, f"the variable {name} is declared but not used") for name in declared if name not in used
        )
        if not self.prompt.body.strip():
            yield self.end + 1, "the prompt is empty"


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.strip("[]").split(",") if name.strip())


def _name_problems(value: str) -> Iterator[str]:
    names = _names(value)
    for name in names:
        if name not in VARIABLES:
            yield f"there is no variable {name!r}; there are {', '.join(VARIABLES)}"
    if len(set(names)) < len(names):
        yield "a variable stands here twice"
