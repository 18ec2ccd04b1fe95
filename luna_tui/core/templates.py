"""Fill `{{ name }}` in prompts and commands; values are data and are never looked into again."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{\{\s*+([A-Za-z0-9_][A-Za-z0-9._-]*+)\s*+\}\}")
_ATTEMPT = re.compile(r"\{\{\s*+(?:results|files|run|python)\b[^{}\n]{0,80}(?:\}\}|\}|$)", re.MULTILINE)


class TemplateError(ValueError):
    """A template uses a name that has no value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{{{{ {name} }}}} has no value")
        self.name = name


def names(template: str) -> tuple[str, ...]:
    """Names a template uses, in order, each once. Double braces around anything else are plain text."""
    return tuple(dict.fromkeys(_REFERENCE.findall(template)))


def broken(template: str) -> tuple[str, ...]:
    """What starts like a reference of ours and is none: `{{ files[0] }}`, `{{ results.a | upper }}`."""
    attempts = (m[0] for m in _ATTEMPT.finditer(template))
    return tuple(dict.fromkeys(a for a in attempts if not _REFERENCE.fullmatch(a)))


def literal(text: str) -> str:
    """`text` so that nothing in it is a reference: its double braces are set apart."""
    return text.replace("{{", "{ {") if names(text) else text


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with every reference replaced, in a single pass; TemplateError for an unknown name."""

    def value_of(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise TemplateError(match[1]) from None

    return _REFERENCE.sub(value_of, template)
