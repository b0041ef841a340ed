"""Answers that must validate: twenty schemas, JSON mode, grammars, and schemas that can't be enforced."""

import json
import re
from typing import Any

import httpx
import jsonschema
import openai
import pytest

from tests.acceptance.conftest import CHAT
from tests.acceptance.node import Node

WORD = {"type": "string", "maxLength": 12}


def record(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer", "minimum": 0, "maximum": 9},
                "children": {"type": "array", "items": {"$ref": "#/$defs/leaf"}, "maxItems": 2},
            },
            "required": ["value", "children"],
            "additionalProperties": False,
        },
        "leaf": record(value={"type": "integer", "minimum": 0, "maximum": 9}),
    },
    "$ref": "#/$defs/node",
}

SCHEMAS: dict[str, Any] = {
    "record": record(name=WORD, age={"type": "integer", "minimum": 0, "maximum": 150}),
    "enum": record(colour={"enum": ["red", "green", "blue"]}),
    "mixed enum": {"enum": [1, "one", None, True]},
    "const": record(kind={"const": "llama"}, legs={"const": 4}),
    "boolean": record(happy={"type": "boolean"}),
    "null": record(nothing={"type": "null"}),
    "integer range": {"type": "integer", "minimum": -5, "maximum": 5},
    "number range": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.01},
    "multiple": {"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 100},
    "array": {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 9},
        "minItems": 2,
        "maxItems": 4,
    },
    "tuple": {"type": "array", "prefixItems": [WORD, {"type": "boolean"}], "items": False, "minItems": 2},
    "nested": record(who=record(first=WORD, last=WORD), tags={"type": "array", "items": WORD, "maxItems": 3}),
    "optional": {
        "type": "object",
        "properties": {"a": WORD, "b": {"type": "boolean"}},
        "additionalProperties": False,
    },
    "any of": record(value={"anyOf": [WORD, {"type": "integer", "minimum": 0, "maximum": 9}]}),
    "one of": record(value={"oneOf": [{"type": "boolean"}, {"type": "null"}]}),
    "all of": {"allOf": [record(a=WORD)]},
    "pattern": record(plate={"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}),
    "date": record(day={"type": "string", "format": "date"}),
    "reference": TREE,
    "map": {
        "type": "object",
        "additionalProperties": {"type": "boolean"},
        "minProperties": 1,
        "maxProperties": 2,
    },
    "lengths": record(code={"type": "string", "minLength": 3, "maxLength": 5}),
    "nullable": record(note={"type": ["string", "null"], "maxLength": 10}),
}


def test_there_are_twenty_schemas() -> None:
    assert len(SCHEMAS) >= 20


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_the_answer_validates(client: openai.OpenAI, schema: dict[str, Any]) -> None:
    answer = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "Give me an example as JSON."}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "example", "schema": schema, "strict": True},
        },
        max_tokens=400,
        seed=3,
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    jsonschema.validate(json.loads(choice.message.content or ""), schema)


def test_json_mode_gives_an_object_while_streaming(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "Describe a llama as a JSON object with one short field."}],
        response_format={"type": "json_object"},
        temperature=0,
        max_tokens=800,
        stream=True,
    )
    text, reasons = "", []
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        reasons += [chunk.choices[0].finish_reason] if chunk.choices[0].finish_reason else []
    assert text.lstrip().startswith("{")
    if reasons == ["stop"]:
        assert isinstance(json.loads(text), dict)


def test_a_grammar_is_enforced(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "Is water wet?"}],
        extra_body={"grammar": 'root ::= ("yes" | "no") ", " [a-z]{3,5} "!"'},
    )
    assert re.fullmatch(r"(yes|no), [a-z]{3,5}!", answer.choices[0].message.content or "")


def ask_with_schema(node: Node, schema: Any) -> httpx.Response:
    body = {
        "model": CHAT,
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    }
    with node.client() as http:
        return http.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {"type": "string"}}, "not"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}}, "if"),
        ({"type": "string", "pattern": "(?=a)b"}, "look"),
        ({"type": "string", "format": "idn-email"}, "idn-email"),
        ({"$ref": "http://example.com/schema"}, "example.com"),
    ],
)
def test_what_cannot_be_enforced_is_named(node: Node, schema: Any, named: str) -> None:
    response = ask_with_schema(node, schema)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unsupported_schema"
    assert named in response.json()["error"]["message"]


def test_a_megabyte_of_brackets_is_refused(node: Node) -> None:
    schema = '{"type":"array","items":' * 40_000 + "{}" + "}" * 40_000
    body = (
        f'{{"model":"{CHAT}","messages":[{{"role":"user","content":"x"}}],"response_format":'
        f'{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}}}'
    )
    with node.client() as http:
        response = http.post(
            "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
        )
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_wide_schema_is_refused_or_answered_in_time(node: Node) -> None:
    properties = {f"p{number}": {"type": "string", "pattern": "(a|b)*c{1,100}"} for number in range(2000)}
    assert ask_with_schema(node, {"type": "object", "properties": properties}).status_code in (200, 400)
