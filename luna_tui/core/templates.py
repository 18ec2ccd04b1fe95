"""Fill `{{ name }}` in prompts and commands; values are data and are never looked into again.

`{{ braces }}` stands for two opening braces, so that any text can be written as a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{\{\s*+([A-Za-z0-9_][A-Za-z0-9._*-]*+)\s*+\}\}")
_ATTEMPT = re.compile(r"\{\{\s*+(?:results|files|run|python)\b[^{}\n]{0,80}(?:\}\}|\}|$)", re.MULTILINE)


_BRACES = "braces"


class TemplateError(ValueError):
    """A template uses a name that has no value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{{{{ {name} }}}} has no value")
        self.name = name


def names(template: str) -> tuple[str, ...]:
    """Names a template uses, in order, each once. Double braces around anything else are plain text."""
    if "{{" not in template:
        return ()
    return tuple(name for name in dict.fromkeys(_REFERENCE.findall(template)) if name != _BRACES)


def broken(template: str) -> tuple[str, ...]:
    """What starts like a reference of ours and is none: `{{ files[0] }}`, `{{ results.a | upper }}`."""
    if "{{" not in template:
        return ()
    attempts = (m[0] for m in _ATTEMPT.finditer(template))
    return tuple(dict.fromkeys(a for a in attempts if not _REFERENCE.fullmatch(a)))


def literal(text: str) -> str:
    """A template that gives `text`, whatever looks like a reference in it."""
    if "{{" not in text:
        return text
    if not _REFERENCE.search(text) and not broken(text):
        return text
    return text.replace("{{", f"{{{{ {_BRACES} }}}}")


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with every reference replaced, in a single pass; TemplateError for an unknown name.

    A value for `braces` leaves them to a later pass.
    """

    def value_of(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            if match[1] == _BRACES:
                return "{{"
            raise TemplateError(match[1]) from None

    return _REFERENCE.sub(value_of, template)
