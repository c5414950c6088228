# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the examples: fenced blocks of pages with the comment above them, and EXAMPLES of plugins. See README.md."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "roles/*/README.md", "execution-environment/*.md")

# What each kind of example may be written in.
YAML = frozenset({"yaml", "yml"})
SHELL = frozenset({"bash", "sh", "shell", "console"})
KINDS = {
    "tasks": YAML,
    "playbook": YAML,
    "manifest": YAML,
    "vars": YAML,
    "inventory": YAML | {"ini"},
    "azure": YAML | SHELL,
    "shell-local": SHELL,
    "shell-cluster": SHELL,
    "config": frozenset({"ini", "cfg"}),
    "json": frozenset({"json"}),
    "output": SHELL | {"json"},
    "syntax": YAML | SHELL | {"ini", "cfg", "json"},
}
CHECKABLE = ("tasks", "playbook", "azure")
# Nothing that anybody would run.
NO_EXAMPLES = frozenset({"text", "mermaid", "diff", "markdown", "md", "html", "svg"})

_OPENS = re.compile(r"^(?P<indent>[ >]*)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
_COMMENT = re.compile(r"<!--\s*example:\s*(?P<text>.*?)\s*-->", re.DOTALL)
_WORD = re.compile(r"^(?P<word>[\w-]+)(?P<colon>:?)\s*")


class ExampleError(Exception):
    """An example that cannot be run as it is written, with file and line."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.place, self.message = f"{file}:{line}", message


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, with what its comment says."""

    file: str
    line: int
    language: str
    text: str
    kind: str
    check: bool = False
    as_file: str = ""
    schema: str = ""
    because: str = ""

    @property
    def place(self) -> str:
        """File and line, as editors understand them."""
        return f"{self.file}:{self.line}"

    @property
    def is_shell(self) -> bool:
        """Whether it is made of commands."""
        return self.language in SHELL

    @property
    def same_as(self) -> str:
        """The file of another test, which executes it, where its reason names one."""
        path = self.because.split()[0].rstrip(",;") if self.because else ""
        return path if path.startswith("tests/") and "." in path else ""

    @property
    def how(self) -> str:
        """What is done with it, in the words of the final count."""
        if self.kind == "syntax":
            return "executed by another test" if self.same_as else "parsed"
        if self.kind in ("vars", "inventory", "config", "json", "output"):
            return "validated"
        return "checked" if self.check or self.kind == "manifest" else "executed"


def pages(root: Path = ROOT) -> list[Path]:
    """All pages that may hold examples."""
    return sorted({path for pattern in PAGES for path in root.glob(pattern)})


def blocks_of(file: str, text: str) -> tuple[list[Block], list[ExampleError]]:
    """The examples of a page, in order, and an error for each that does not say what it is."""
    found: list[Block] = []
    errors: list[ExampleError] = []
    lines = text.splitlines()
    at, marked = 0, set[int]()
    while at < len(lines):
        opened = _OPENS.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = _end_of_fence(lines, at, opened["fence"])
        if end is None:
            errors.append(ExampleError(file, at + 1, "this block is never closed"))
            break
        info = opened["info"].strip()
        language = info.split()[0].lower() if info else ""
        comment, comment_line = _comment_above(lines, at)
        if comment is not None:
            marked.add(comment_line)
        # A directive of MyST, such as {note}, holds text.
        if not language.startswith("{") and (language not in NO_EXAMPLES or comment is not None):
            body = "\n".join(line[len(opened["indent"]) :] for line in lines[at + 1 : end]) + "\n"
            try:
                found.append(_block(file, at + 1, language, body, comment))
            except ExampleError as error:
                errors.append(error)
        at = end + 1
    for number, line in enumerate(lines):
        if re.search(r"<!--\s*example:", line) and number not in marked and not _inside(lines, number):
            errors.append(ExampleError(file, number + 1, "this comment marks no block: the fence comes right below"))
    return found, errors


def _end_of_fence(lines: list[str], start: int, fence: str) -> int | None:
    closing = re.compile(rf"^[ >]*{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    return next((at for at in range(start + 1, len(lines)) if closing.match(lines[at])), None)


def _inside(lines: list[str], number: int) -> bool:
    """Whether a line is inside a fenced block, as the examples of how to mark an example are."""
    at = 0
    while at < number:
        opened = _OPENS.match(lines[at])
        end = _end_of_fence(lines, at, opened["fence"]) if opened else at
        if opened and end is not None and at < number < end:
            return True
        at = (end if end is not None else at) + 1
    return False


def _comment_above(lines: list[str], fence: int) -> tuple[str | None, int]:
    """What the comment above a fence says, with the line where it begins."""
    last = fence - 1
    if last < 0 or not lines[last].rstrip().endswith("-->"):
        return None, -1
    first = last
    while first > 0 and "<!--" not in lines[first]:
        first -= 1
    found = _COMMENT.search("\n".join(lines[first:fence]))
    return (re.sub(r"\s+", " ", found["text"]), first) if found else (None, -1)


def _block(file: str, line: int, language: str, text: str, comment: str | None) -> Block:
    if not language:
        raise ExampleError(file, line, "this block has no language: `text` for text, `console` or `bash` for commands")
    if comment is None:
        raise ExampleError(
            file, line, f"nothing says how this {language} block is tested: write <!-- example: KIND --> above it"
        )
    kind, rest = _first_word(comment)
    if kind not in KINDS:
        raise ExampleError(file, line, f"unknown kind of example {kind!r}; kinds are {', '.join(KINDS)}")
    if language not in KINDS[kind]:
        raise ExampleError(file, line, f"{kind} is written in {', '.join(sorted(KINDS[kind]))}, not in {language}")
    said, wrong = _words(rest)
    if wrong:
        raise ExampleError(
            file, line, f"{wrong!r} is not understood; a kind is followed by check, as:, schema:, because:"
        )
    block = Block(file, line, language, text, kind, **said)
    if (kind == "syntax" or block.check) and not block.because:
        raise ExampleError(file, line, f"`{'check' if block.check else kind}` needs a reason: because: ...")
    if block.check and (kind not in CHECKABLE or block.is_shell):
        raise ExampleError(file, line, f"check is for {', '.join(CHECKABLE)} in YAML")
    return block


def _first_word(text: str) -> tuple[str, str]:
    word, __, rest = text.strip().partition(" ")
    return word.rstrip(";,"), rest


def _words(rest: str) -> tuple[dict[str, Any], str]:
    """What follows the kind, and the part that is not understood."""
    said: dict[str, Any] = {}
    while rest := rest.strip(" ;,"):
        word = _WORD.match(rest)
        name = word["word"] if word else ""
        rest_after = rest[word.end() :] if word else ""
        if name == "because" and word and word["colon"] and rest_after.strip():
            return {**said, "because": rest_after.strip()}, ""
        if name == "check" and word and not word["colon"]:
            said["check"], rest = True, rest_after
        elif name in ("as", "schema") and word and word["colon"] and rest_after:
            value, __, rest = rest_after.partition(" ")
            said["as_file" if name == "as" else name] = value.rstrip(";,")
        else:
            return said, rest
    return said, ""


def examples_of_plugin(path: Path) -> str:
    """The EXAMPLES of a plugin, without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == "EXAMPLES":
                return str(node.value.value)
    return ""


def plugins(kind: str) -> list[Path]:
    """Files of plugins of a kind (`modules`, `inventory`, `filter`)."""
    return sorted(path for path in (ROOT / "plugins" / kind).glob("*.py") if path.name != "__init__.py")
