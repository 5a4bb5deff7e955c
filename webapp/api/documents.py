"""Pieces of the OpenAPI document that operations attach to themselves."""

from typing import Any

from pydantic import BaseModel

from webapp.api.bodies import MEDIA_TYPES

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"


def reference(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": SCHEMAS + name}


def takes(schema: Json, **examples: str) -> Json:
    """The body of an operation that takes a document of that schema, as YAML or JSON."""
    content: Json = {}
    for media_type in MEDIA_TYPES:
        content[media_type] = {"schema": schema}
        if examples and media_type != "application/json":
            content[media_type]["examples"] = {name: {"value": text} for name, text in examples.items()}
    return {"requestBody": {"required": True, "content": content}}


def takes_model(model: type[BaseModel]) -> Json:
    """The body of an operation that takes an envelope of ours."""
    return takes(reference(model.__name__))


IDEMPOTENCY_KEY: Json = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "A name of your choice for this request. Sent again within a day, it gets the same answer and "
    "nothing is made twice.",
}

IF_MATCH: Json = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of the version that you edited; `*` overwrites whatever is there.",
}

IF_NONE_MATCH: Json = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag that you have; if it is still the present one, the answer is 304 without a body.",
}


def merged(*extras: Json, headers: tuple[Json, ...] = ()) -> Json:
    """Several pieces as one."""
    result: Json = {"parameters": list(headers)} if headers else {}
    for extra in extras:
        result.update(extra)
    return result
