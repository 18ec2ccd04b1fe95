"""Make an instance of a JSON schema: always the same one for the same schema and seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

_DEPTH = 12
"""Levels below which nothing that may be left out is made, so that a schema that names itself ends."""
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbour", "iris", "juniper")
_FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:26:53Z",
    "time": "09:26:53Z",
    "email": "someone@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.7",
    "uri": "https://example.org/page",
    "uuid": "3f2a8c1e-5b7d-4e9a-8c6f-1d2b3a4c5e6f",
}


def instance(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A value that the schema allows, as far as the keywords of the API's schemas go.

    Followed: type, enum, const, properties, required, items, anyOf, oneOf, allOf, $ref into the same
    schema, bounds of numbers, lengths and sizes, and format.
    """
    return _Maker(schema, rng).make(schema, 0)


class _Maker:
    def __init__(self, root: Mapping[str, Any], rng: random.Random) -> None:
        self._root = root
        self._rng = rng

    def make(self, schema: Any, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._rng.choice(list(schema["enum"]))
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                return self.make(self._branch(schema[word], depth), depth)
        make = self._by_type().get(self._type_of(schema, depth))
        return None if make is None else make(schema, depth)

    def _by_type(self) -> dict[str, Callable[[Mapping[str, Any], int], Any]]:
        return {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": lambda schema, _: round(self._number(schema, whole=True)),
            "number": lambda schema, _: round(self._number(schema, whole=False), 3),
            "boolean": lambda _, __: self._rng.random() < 0.5,
        }

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        """Without references, and with everything that `allOf` adds."""
        for _ in range(_DEPTH):
            if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
                break
            found: Any = self._root
            for part in schema["$ref"].removeprefix("#").split("/")[1:]:
                key = part.replace("~1", "/").replace("~0", "~")
                found = found.get(key) if isinstance(found, Mapping) else None
            schema = found
        if not isinstance(schema, Mapping):
            return {}
        merged = dict(schema)
        for part in merged.pop("allOf", ()):
            merged |= self._resolved(part)
        return merged

    def _branch(self, branches: Any, depth: int) -> Any:
        """The first one, or where it is deep the one that goes no deeper."""
        flat = [b for b in branches if self._resolved(b).get("type") not in ("object", "array")]
        return flat[0] if depth >= _DEPTH and flat else branches[0]

    def _type_of(self, schema: Mapping[str, Any], depth: int) -> str:
        named = schema.get("type")
        if isinstance(named, list):
            return "null" if depth >= _DEPTH and "null" in named else str(named[0]) if named else "null"
        if isinstance(named, str):
            return named
        return "object" if "properties" in schema else "array" if "items" in schema else "string"

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        names = [n for n in properties if n in required or depth < _DEPTH // 2]
        return {name: self.make(properties[name], depth + 1) for name in names}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = int(schema.get("minItems") or 0)
        most = int(schema.get("maxItems", max(least, 2)))
        count = least if depth >= _DEPTH // 2 else max(least, min(most, self._rng.randint(1, 3)))
        return [self.make(schema.get("items") or {}, depth + 1) for _ in range(count)]

    def _string(self, schema: Mapping[str, Any], depth: int) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = "-".join(self._rng.choice(_WORDS) for _ in range(2)) + f"-{self._rng.randint(1, 999)}"
        least = int(schema.get("minLength") or 0)
        while len(text) < least:
            text += "-" + self._rng.choice(_WORDS)
        return text[: schema.get("maxLength")]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        step = schema.get("multipleOf") or (1 if whole else 0.001)
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        least = schema.get("minimum", 0 if above is None else above + (1 if whole else step))
        most = schema.get("maximum", least + 100 * step if below is None else below - (1 if whole else step))
        first = ceil(least / step) if "multipleOf" in schema or whole else least / step
        steps = max(0, int(most / step - first + 1e-9))
        return float((first + self._rng.randint(0, min(steps, 100))) * step)
