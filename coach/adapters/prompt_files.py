"""Prompts: every instruction and reply template, read from files and rendered with exactly their variables.

Which template a reply uses is `coach.services.compose`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from coach.domain.errors import PromptError


@dataclass(frozen=True, slots=True)
class Template:
    """A template file: its header and its body."""

    name: str
    purpose: str
    variables: frozenset[str]
    body: str
    digest: str


class PromptFiles:
    """All templates below a folder, by path without the ending: "replies/plan"."""

    def __init__(self, folder: Path, functions: Mapping[str, Callable[..., object]] | None = None) -> None:
        """`functions` may be called by every template and do not count as variables."""
        self._functions = dict(functions or {})
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            keep_trailing_newline=False,
        )
        self.templates = {
            template.name: template for template in (self._read(folder, path) for path in sorted(folder.rglob("*.md")))
        }
        self._compiled = {name: self._environment.from_string(t.body) for name, t in self.templates.items()}
        joined = "".join(template.digest for template in self.templates.values())
        self.digest = hashlib.sha256(joined.encode()).hexdigest()

    def render(self, name: str, /, **values: object) -> str:
        """The template with its variables put in.

        Raises:
            PromptError: for an unknown template, a missing variable or one that it does not declare.
        """
        template = self.templates.get(name)
        if template is None:
            raise PromptError(f"There is no prompt file {name!r}.")
        given = frozenset(values)
        if given != template.variables:
            missing, unused = sorted(template.variables - given), sorted(given - template.variables)
            raise PromptError(f"Prompt {name!r}: missing variables {missing}, unused variables {unused}.")
        try:
            return self._compiled[name].render({**self._functions, **values})
        except (TemplateError, TypeError) as error:
            raise PromptError(f"Prompt {name!r} could not be rendered: {error}") from error

    def _read(self, folder: Path, path: Path) -> Template:
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            raw = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise PromptError(f"Prompt {name!r} is not UTF-8 text.") from error
        if not raw.startswith("---\n") or "\n---\n" not in raw[4:]:
            raise PromptError(f"Prompt {name!r} has no header with its purpose and variables.")
        header_text, body = raw[4:].split("\n---\n", 1)
        try:
            header = yaml.safe_load(header_text)
            declared = frozenset(header["variables"])
            purpose = str(header["purpose"])
            used = meta.find_undeclared_variables(self._environment.parse(body)) - set(self._functions)
        except (yaml.YAMLError, KeyError, TypeError, TemplateError) as error:
            raise PromptError(f"Prompt {name!r} has a faulty header or body: {error}") from error
        if used != declared:
            raise PromptError(
                f"Prompt {name!r} declares {sorted(declared - used)} without use and uses {sorted(used - declared)} undeclared."
            )
        return Template(name, purpose, declared, body.strip("\n"), hashlib.sha256(raw.encode()).hexdigest())
