"""Answers in a form that the request gives."""

from __future__ import annotations

import json
import random
from typing import Any

import anthropic
import pytest
from simulator_support import Connect, Serve, ask, events

from luna_tui.simulator.checks import wrong_message
from luna_tui.simulator.structured import instance

BOOK: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "genre", "pages", "lent", "authors"],
    "properties": {
        "title": {"type": "string"},
        "genre": {"enum": ["novel", "poem"]},
        "pages": {"type": "integer"},
        "lent": {"type": "boolean"},
        "authors": {"type": "array", "items": {"$ref": "#/$defs/person"}, "minItems": 1},
        "note": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    },
    "$defs": {
        "person": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": {"type": "string"}},
        }
    },
}


def form(schema: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema}}


def test_the_answer_is_an_instance_of_the_schema(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    told = ask(client, "Name a book.", output_config=form(BOOK)).content[0].text
    book = json.loads(told)
    assert book.keys() >= {"title", "genre", "pages", "lent", "authors"}
    assert book["genre"] in ("novel", "poem")
    assert isinstance(book["pages"], int)
    assert isinstance(book["lent"], bool)
    assert [person.keys() for person in book["authors"]] == [{"name"}] * len(book["authors"])
    assert book["authors"]
    got = events(client, "Name a book.", output_config=form(BOOK))
    assert "".join(e.delta.text for e in got if e.type == "content_block_delta") == told
    assert ask(client, "Name another book.", output_config=form(BOOK)).content[0].text != told


def test_orders_hold_for_a_form_as_well(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    refused = ask(client, "simulate: stop=refusal", output_config=form(BOOK))
    assert refused.stop_reason == "refusal"
    cut = ask(client, "simulate: output=900", output_config=form(BOOK), max_tokens=5)
    assert cut.stop_reason == "max_tokens"
    with pytest.raises(ValueError, match="line 1"):
        json.loads(cut.content[0].text)
    assert json.loads(ask(client, "simulate: output=900", output_config=form(BOOK)).content[0].text)


@pytest.mark.parametrize(
    ("schema", "holds"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 3}, lambda v: v == 3),
        ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5}, lambda v: v > 4 and v % 5 == 0),
        ({"type": "number", "minimum": 0.5, "maximum": 0.75}, lambda v: 0.5 <= v <= 0.75),
        ({"type": "string", "minLength": 40, "maxLength": 44}, lambda v: 40 <= len(v) <= 44),
        (
            {"type": "array", "items": {"type": "null"}, "minItems": 5, "maxItems": 5},
            lambda v: v == [None] * 5,
        ),
        ({"const": {"a": 1}}, lambda v: v == {"a": 1}),
        ({"allOf": [{"type": "object"}, {"properties": {"a": {"const": 1}}}]}, lambda v: v == {"a": 1}),
        ({"type": ["string", "null"]}, lambda v: isinstance(v, str)),
        ({"type": "string", "format": "uri"}, lambda v: v.startswith("https://")),
        ({}, lambda v: isinstance(v, str)),
    ],
)
def test_an_instance_keeps_to_the_schema(schema: Any, holds: Any) -> None:
    for seed in range(50):
        made = instance(schema, random.Random(seed))
        assert holds(made), made


def test_a_schema_that_names_itself_ends() -> None:
    tree = {
        "type": "object",
        "properties": {"below": {"type": "array", "items": {"$ref": "#"}}, "next": {"$ref": "#"}},
    }
    assert json.dumps(instance(tree, random.Random(1)))


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"effort": "some"}, "output_config.effort"),
        ({"format": {"type": "xml"}}, "output_config.format.type: Input should be 'json_schema'"),
        ({"format": {"type": "json_schema"}}, "output_config.format.schema: Field required"),
        (
            form({"type": "object"}),
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly",
        ),
        (
            form({"type": "array", "minItems": 2}),
            "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1",
        ),
        (
            form({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 2}]}),
            "output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported",
        ),
        (
            form({"type": "string", "minLength": 2}),
            "output_config.format.schema: For 'string' type, property 'minLength' is not supported",
        ),
        (
            form({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
            "output_config.format.schema: Recursive schemas are not supported",
        ),
        (form({"$ref": "https://example.org/a"}), "output_config.format.schema: External $ref"),
    ],
)
def test_a_form_that_the_service_does_not_take_is_named(config: Any, named: str) -> None:
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    assert wrong_message(body | {"output_config": form(BOOK) | {"effort": "low"}}) is None
    wrong = wrong_message(body | {"output_config": config})
    assert wrong is not None
    assert wrong[1].startswith(named)


def test_the_helper_of_the_sdk_reads_it(serve: Serve, connect: Connect) -> None:
    from pydantic import BaseModel

    class Book(BaseModel):
        title: str
        pages: int

    client: anthropic.Anthropic = connect(serve())
    parsed = client.messages.parse(
        model="claude-haiku-5-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "Name a book."}],
        output_format=Book,
    )
    assert isinstance(parsed.parsed_output, Book)
