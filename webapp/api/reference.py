"""The OpenAPI document and the page that shows it, made from the same source and without help from elsewhere."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.api.access import SCOPE_HELP
from webapp.api.answers import answer
from webapp.api.application import openapi_document
from webapp.api.documents import SCHEMAS
from webapp.api.kinds import KINDS
from webapp.api.problems import ApiProblem, problem_response

Json = dict[str, Any]


def openapi_json(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3.1 document."""
    return _only_get(request) or answer(openapi_document(), headers={"Cache-Control": "public, max-age=300"})


def reference_page(request: HttpRequest) -> HttpResponse:
    """The document as a page to read."""
    refused = _only_get(request)
    if refused is not None:
        return refused
    found = openapi_document()
    context = {
        "description": found["info"]["description"],
        "groups": _groups(found),
        "schemas": [_schema(name, schema) for name, schema in sorted(found["components"]["schemas"].items())],
        "problems": [{"code": code, "kind": kind} for code, kind in KINDS.items()],
        "scopes": [{"name": name, "text": text} for name, text in SCOPE_HELP.items()],
    }
    return render(request, "api/reference.html", context)


def _only_get(request: HttpRequest) -> HttpResponse | None:
    if request.method == "GET":
        return None
    detail = f"{request.method} is not possible here; allowed: GET."
    return problem_response(request, ApiProblem("method_not_allowed", detail, headers={"Allow": "GET"}))


def _groups(found: Json) -> list[Json]:
    groups: dict[str, list[Json]] = {tag["name"]: [] for tag in found["tags"]}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append(_operation(path, method.upper(), operation))
    return [{"name": name, "operations": operations} for name, operations in groups.items()]


def _operation(path: str, method: str, operation: Json) -> Json:
    body = operation.get("requestBody", {}).get("content", {}).get("application/yaml", {})
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "scope": operation["x-scope"],
        "role": operation["x-role"].replace("_", " "),
        "parameters": [_parameter(one) for one in operation.get("parameters", [])],
        "body": _type(body.get("schema", {})) if body else "",
        "examples": [example["value"] for example in body.get("examples", {}).values()],
        "answers": [
            {
                "status": status,
                "type": _type(_content(one)),
                "schema": _content(one).get("$ref", "").removeprefix(SCHEMAS),
                "text": one.get("description", ""),
            }
            for status, one in operation["responses"].items()
            if status < "400"
        ],
        "problems": [status for status in operation["responses"] if status >= "400"],
    }


def _parameter(parameter: Json) -> Json:
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "type": _type(parameter["schema"]),
        "required": parameter["required"],
        "text": parameter.get("description", parameter["schema"].get("description", "")),
    }


def _content(response: Json) -> Json:
    content: Json = next(iter(response.get("content", {}).values()), {})
    schema: Json = content.get("schema", {})
    return schema


def _schema(name: str, schema: Json) -> Json:
    return {
        "name": name,
        "text": schema.get("description", ""),
        "fields": [
            {
                "name": field,
                "type": _type(inner),
                "required": field in schema.get("required", []),
                "text": inner.get("description", ""),
                "unit": inner.get("unit", ""),
            }
            for field, inner in schema.get("properties", {}).items()
        ],
        "type": "" if "properties" in schema else _type(schema),
    }


def _type(schema: Json) -> str:
    """What a schema takes, in a few words; nothing of an empty one."""
    if not schema:
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(SCHEMAS)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[key]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kinds = schema.get("type", "anything")
    name = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return " ".join([name, *_limits(schema)])


def _limits(schema: Json) -> Iterator[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    for key, sign in signs.items():
        if key in schema:
            yield f"{sign} {schema[key]}"
    if "format" in schema:
        yield f"({schema['format']})"
