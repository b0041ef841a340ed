"""What a grammar allows is what the schema means: texts drawn at random under it always validate."""

import json
from typing import Any

import jsonschema
import numpy as np
import pytest

from corral.engines.errors import UnsupportedSchema
from tests.engines.llama.drawing import END, PIECES, accepts, allowed_tokens, draw, small_compiler

COMPILER = small_compiler()
NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: list[dict[str, Any] | bool] = [
    {"type": "object"},
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": "string", "minLength": 3, "maxLength": 5},
    {"type": "string", "pattern": "^[a-z]{2,4}-[0-9]+$"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "integer", "minimum": -3, "maximum": 120},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
    {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 700},
    {"type": "number", "minimum": 0.5, "maximum": 1.5},
    {"enum": ["red", 1, None, {"a": [1]}]},
    {"const": {"fixed": [1, 2, "three"]}},
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "null"}, "maxItems": 2}]},
    {"oneOf": [{"type": "string", "maxLength": 4}, {"type": "integer"}]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 4},
    {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "boolean"}],
        "items": False,
        "minItems": 2,
    },
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["b"]},
    {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "A", "default": "x"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
        "title": "T",
    },
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 1, "maxProperties": 3},
    {"type": "string", "maxLength": 3, "contentEncoding": "utf-8", "unknownNote": 1},
    {
        "oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": kind}, "v": {"type": of}},
                "required": ["kind", "v"],
            }
            for kind, of in (("a", "integer"), ("b", "boolean"))
        ]
    },
    True,
    {"type": "object", "patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    NODE,
    {
        "definitions": {"s": {"type": "string", "maxLength": 2}},
        "type": "array",
        "items": {"$ref": "#/definitions/s"},
    },
    {
        "type": "object",
        "properties": {
            "people": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
                    "required": ["name", "age"],
                    "additionalProperties": False,
                },
                "maxItems": 3,
            }
        },
        "required": ["people"],
        "additionalProperties": False,
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_is_drawn_validates(schema: dict[str, Any]) -> None:
    constraint = COMPILER.json_schema(schema)
    for seed in range(5):
        value = json.loads(draw(constraint.clone(), seed))
        jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


def test_any_object() -> None:
    for seed in range(8):
        assert isinstance(json.loads(draw(COMPILER.json_object(), seed)), dict)


UNSUPPORTED: list[tuple[str, dict[str, Any]]] = [
    ("uniqueItems", {"type": "array", "uniqueItems": True}),
    ("not", {"not": {"type": "string"}}),
    ("if", {"if": {"type": "string"}, "then": {"minLength": 2}}),
    ("dependentSchemas", {"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}}),
    ("dependentRequired", {"type": "object", "dependentRequired": {"a": ["b"]}}),
    ("dependencies", {"type": "object", "dependencies": {"a": ["b"]}}),
    ("contains", {"type": "array", "contains": {"type": "integer"}}),
    ("minContains", {"type": "array", "minContains": 2, "contains": {"type": "integer"}}),
    ("propertyNames", {"type": "object", "propertyNames": {"pattern": "^a"}}),
    ("min/maxProperties", {"type": "object", "minProperties": 2, "properties": {"a": {}, "b": {}}}),
    ("unevaluatedProperties", {"type": "object", "unevaluatedProperties": False}),
    ("unevaluatedItems", {"type": "array", "unevaluatedItems": False}),
    ("idn-email", {"type": "string", "format": "idn-email"}),
    ("made-up", {"type": "string", "format": "made-up"}),
    ("foo", {"type": "foo"}),
    ("regex", {"type": "string", "pattern": "(?=a)b"}),
    ("http", {"$ref": "http://example.com/schema"}),
    ("nowhere", {"$ref": "#/$defs/nowhere"}),
    ("minimum|inner", {"type": "integer", "minimum": 5, "maximum": 2}),
    ("oneOf", {"oneOf": [{"type": "number"}, {"type": "integer"}]}),
    ("anyOf|inner", {"enum": []}),
]


@pytest.mark.parametrize(("named", "schema"), UNSUPPORTED, ids=str)
@pytest.mark.parametrize("nested", [False, True])
def test_what_can_not_be_enforced_is_named(named: str, schema: dict[str, Any], nested: bool) -> None:
    whole = {"type": "object", "properties": {"inner": schema}, "required": ["inner"]} if nested else schema
    with pytest.raises(UnsupportedSchema, match=named):
        COMPILER.json_schema(whole)


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        deep(200),
        deep(100_000),
        {"enum": ["x" * 600_000]},
        {"$ref": "#"},
    ],
    ids=["200 levels", "100000 levels", "long", "itself"],
)
def test_schemas_that_are_too_big_are_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSchema):
        COMPILER.json_schema(schema)


def test_blanks_are_bounded() -> None:
    constraint = COMPILER.json_schema({"type": "array", "items": {"type": "integer"}})
    assert not accepts(constraint.clone(), "[" + " " * 100 + "1]")
    assert accepts(constraint, "[ 1, 2\n]")


def test_options_inside_of_a_schema_change_nothing() -> None:
    schema = {
        "type": "array",
        "x-guidance": {"whitespace_pattern": " *", "lenient": True},
        "uniqueItems": True,
    }
    with pytest.raises(UnsupportedSchema):
        COMPILER.json_schema(schema)


@pytest.mark.parametrize(
    ("grammar", "yes", "no"),
    [
        ('root ::= "yes" | "no"', ["yes", "no"], ["maybe", "yesno"]),
        ('root ::= [0-9]+ ("." [0-9]+)?', ["1", "3.14"], [".5", "1."]),
        ('root ::= item (", " item)*\nitem ::= [a-z]{2,3}', ["ab", "ab, cde"], ["a", "abcd"]),
        ('# comment\nroot ::= "a" |\n  "b"', ["a", "b"], ["c"]),
        ('root ::= "\\"" [^"\\n]* "\\""', ['"é"'], ['"']),
    ],
)
def test_gbnf(grammar: str, yes: list[str], no: list[str]) -> None:
    for text in yes:
        assert accepts(COMPILER.gbnf(grammar), text), text
    for text in no:
        assert not accepts(COMPILER.gbnf(grammar), text), text


@pytest.mark.parametrize(
    "grammar", ["", "root ::= (", "root ::= foo", 'x ::= "a"', "root ::= " + "(" * 5000, "x" * 600_000]
)
def test_gbnf_that_can_not_be_read(grammar: str) -> None:
    with pytest.raises(UnsupportedSchema) as caught:
        COMPILER.gbnf(grammar)
    assert caught.value.message


def test_a_clone_goes_its_own_way() -> None:
    constraint = COMPILER.json_schema({"enum": [1, 22]})
    other = constraint.clone()
    constraint.consume(ord("2"))
    assert allowed_tokens(constraint) == [ord("2")]
    assert set(allowed_tokens(other)) == {ord("1"), ord("2")}


def test_the_end_is_the_only_way_on_when_all_is_said() -> None:
    constraint = COMPILER.json_schema({"const": 1})
    constraint.consume(ord("1"))
    assert allowed_tokens(constraint) == [END]
    logits = np.ones(len(PIECES), np.float32)
    constraint.apply_mask(logits)
    assert logits[END] == 1 and np.isneginf(logits[0])


def test_control_tokens_are_named_by_number() -> None:
    assert COMPILER.terminal("[TOOL_CALLS]") == f"<[{PIECES.index(b'[TOOL_CALLS]')}]>"
    assert COMPILER.terminal('a "b"') == '"a \\"b\\""'
