"""What the real service would refuse in the schema of a structured answer, and with which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHERE = "output_config.format.schema"
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_NUMBERS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_UNSUPPORTED = {
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "string": ("maxLength", "minLength"),
    "array": ("contains", "maxItems", "uniqueItems"),
}
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")


def wrong_output(body: Mapping[str, Any]) -> str | None:
    """The first mistake in `output_config`."""
    config = body.get("output_config")
    if config is None:
        return None
    if not isinstance(config, dict):
        return "output_config: Input should be a valid dictionary"
    if config.get("effort") not in (None, *_EFFORTS):
        return f"output_config.effort: Input should be one of: {', '.join(_EFFORTS)}"
    form = config.get("format")
    if form is None:
        return None
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return "output_config.format.type: Input should be 'json_schema'"
    if not isinstance(form.get("schema"), dict):
        return f"{_WHERE}: Field required"
    return _in_schema(form["schema"], form["schema"], ())


def wanted_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that the answer must fulfil; None = any text will do."""
    form = (body.get("output_config") or {}).get("format") or {}
    schema: Mapping[str, Any] | None = form.get("schema")
    return schema


def _in_schema(schema: Any, root: Mapping[str, Any], above: tuple[str, ...]) -> str | None:
    if not isinstance(schema, dict):
        return f"{_WHERE}: Input should be a valid dictionary"
    if "$ref" in schema:
        return _in_reference(schema["$ref"], root, above)
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if wrong := _in_type(schema, kind):
            return f"{_WHERE}: For {str(kind)!r} type, {wrong}"
    parts = [*(schema.get("properties") or {}).values(), *(schema.get("anyOf") or ())]
    parts += [*(schema.get("allOf") or ()), *([schema["items"]] if "items" in schema else [])]
    return next(filter(None, (_in_schema(part, root, above) for part in parts)), None)


def _in_reference(name: Any, root: Mapping[str, Any], above: tuple[str, ...]) -> str | None:
    if not isinstance(name, str) or not name.startswith("#/$defs/"):
        return f"{_WHERE}: External $ref {str(name)!r} is not supported"
    if name in above:
        return f"{_WHERE}: Recursive schemas are not supported: {name}"
    found = (root.get("$defs") or {}).get(name.removeprefix("#/$defs/"))
    if found is None:
        return f"{_WHERE}: $ref {name!r} not found"
    return _in_schema(found, root, (*above, name))


def _in_type(schema: Mapping[str, Any], kind: Any) -> str | None:
    if kind == "object" and schema.get("additionalProperties") is not False:
        return "'additionalProperties' must be explicitly set to false"
    if kind == "array" and schema.get("minItems", 0) not in (0, 1):
        return "'minItems' values other than 0 or 1 are not supported"
    if kind == "string" and schema.get("format", "date") not in _FORMATS:
        return f"format {schema['format']!r} is not supported"
    unsupported = [word for word in _UNSUPPORTED.get(kind, ()) if word in schema]
    if len(unsupported) > 1:
        return f"properties {', '.join(unsupported)} are not supported"
    return f"property {unsupported[0]!r} is not supported" if unsupported else None
