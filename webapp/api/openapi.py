"""The OpenAPI 3.1 document: ninja's, completed with the engine's schemas, scopes, headers and every problem."""

from collections.abc import Iterator
from typing import Any

from ninja import NinjaAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.api.access import ACCESS, MOUNT
from webapp.api.answerschemas import answer_schemas
from webapp.api.documents import SCHEMAS, reference
from webapp.api.kinds import KINDS
from webapp.api.problems import MEDIA_TYPE
from webapp.api.resources import TokenBody
from webapp.api.routes.datasets import DataSetBody, DataSetWords
from webapp.api.routes.exchange import NetworkImportBody
from webapp.api.routes.models import ModelBody
from webapp.api.routes.plans import PlanBody
from webapp.api.routes.previews import PreviewBody
from webapp.api.specschema import body_schemas
from webapp.api.teamwork import BODIES

Json = dict[str, Any]

PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where the kind is explained."},
        "title": {"type": "string", "description": "The kind in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong here, what is allowed, what was given."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The address that was asked."},
        "code": {"type": "string", "enum": list(KINDS), "description": "The kind for programs."},
        "request_id": {"type": "string", "description": "By which the log knows this request."},
        "remedy": {"type": "string", "description": "What can be done about it."},
        "errors": {"type": "array", "items": reference("ProblemEntry")},
    },
}

PROBLEM_ENTRY: Json = {
    "type": "object",
    "required": ["path", "code", "message"],
    "additionalProperties": False,
    "properties": {
        "path": {"type": "string", "description": "Dotted place, `task.strategy.mu`; empty for the whole."},
        "code": {"type": "string", "description": "What is wrong, for programs."},
        "message": {"type": "string", "description": "What is wrong, what is allowed and what was given."},
    },
}

SECURITY_SCHEMES: Json = {
    "token": {"type": "http", "scheme": "bearer", "description": "From `/tokens` or `./edgeloom token create`."},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Writes also need X-CSRFToken."},
}

ETAG: Json = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
LINK: Json = {"Link": {"description": 'Address of the next page, `rel="next"`.', "schema": {"type": "string"}}}


def document(api: NinjaAPI) -> Json:
    """The whole document."""
    found: Json = dict(api.get_openapi_schema(path_prefix=MOUNT))
    for path, method, operation in _operations(found):
        _complete(path, method, operation)
    schemas = found["components"]["schemas"]
    # ninja describes the envelope classes that it was told of; everything else is put in here.
    schemas.update(_model_schemas())
    schemas.update(answer_schemas())
    schemas.update(body_schemas())
    schemas.update({"Problem": PROBLEM, "ProblemEntry": PROBLEM_ENTRY})
    found["components"]["securitySchemes"] = SECURITY_SCHEMES
    found["components"]["responses"] = {code: _problem_response(code) for code in KINDS}
    found["servers"] = [{"url": "/"}]
    found["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema"
    tags = dict.fromkeys(tag for *_, operation in _operations(found) for tag in operation["tags"])
    found["tags"] = [{"name": tag} for tag in tags]
    return found


def _operations(found: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _complete(path: str, method: str, operation: Json) -> None:
    rule = ACCESS[method, path.removeprefix(f"/{MOUNT}".rstrip("/"))]
    operation["security"] = [{"token": [rule.scope] if rule.scope else []}, {"session": []}]
    operation["x-scope"] = rule.scope
    operation["x-role"] = rule.level
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
    responses = operation["responses"]
    for status, answer in list(responses.items()):
        responses[str(status)] = responses.pop(status)
        if _has_version(path, method, operation):
            answer["headers"] = ETAG
        if "/Listing_" in str(answer):
            answer["headers"] = LINK
    if "If-None-Match" in _headers(operation):
        responses["304"] = {"description": "The version that you have is the present one.", "headers": ETAG}
    for status, codes in _problems(path, method, operation).items():
        responses[status] = _responses(codes)


def _without_null(schema: Json) -> Json:
    """The schema of an optional parameter: in an address it is absent, never null."""
    kinds = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key not in {"anyOf", "default"}}, **kinds[0]}


def _has_version(path: str, method: str, operation: Json) -> bool:
    headers = _headers(operation)
    return "If-None-Match" in headers or ("If-Match" in headers and method == "PUT")


def _headers(operation: Json) -> set[str]:
    return {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}


_BY_ENDING = {
    ("/samples", "/preview", "/previews"): ["preview_failed", "invalid_spec"],
    ("/export",): ["invalid_spec"],
}
"""Problems of operations by the end of their path."""


def _problems(path: str, method: str, operation: Json) -> dict[str, list[str]]:
    codes = ["unauthenticated", "token_unknown", "token_expired", "token_revoked", "insufficient_scope"]
    codes += ["insufficient_role", "invalid_parameters", "too_many_requests", "internal_error"]
    if method != "GET":
        codes.append("csrf_failed")
    named = {one["name"] for one in operation.get("parameters", [])}
    if "{" in path or named & {"team", "cells"}:
        codes.append("not_found")
    if any(one["name"] == "cursor" for one in operation.get("parameters", [])):
        codes.append("invalid_cursor")
    if "requestBody" in operation:
        codes += ["unreadable_body", "too_large", "unsupported_media_type", "invalid_spec", "not_found"]
    headers = _headers(operation)
    if "Idempotency-Key" in headers:
        codes += ["invalid_idempotency_key", "idempotency_conflict"]
    if "If-Match" in headers:
        codes += ["version_conflict", *(["version_required"] if method == "PUT" else [])]
    if (method != "GET" and "{" in path) or path.endswith("/use"):
        codes.append("conflict")
    if "/datasets" in path and method != "DELETE":
        codes.append("invalid_upload")
    codes += next((more for endings, more in _BY_ENDING.items() if path.endswith(endings)), [])
    by_status: dict[str, list[str]] = {}
    for code in KINDS:
        if code in codes:
            by_status.setdefault(str(KINDS[code].status), []).append(code)
    return by_status


def _responses(codes: list[str]) -> Json:
    if len(codes) == 1:
        return {"$ref": f"#/components/responses/{codes[0]}"}
    text = "; ".join(f"`{code}`: {KINDS[code].title}" for code in codes)
    return {"description": text, "content": {MEDIA_TYPE: {"schema": reference("Problem")}}}


def _problem_response(code: str) -> Json:
    kind = KINDS[code]
    return {
        "description": f"`{code}`: {kind.title}. {kind.meaning}",
        "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
    }


def _model_schemas() -> Json:
    bodies: tuple[type[BaseModel], ...] = (
        TokenBody,
        DataSetBody,
        ModelBody,
        DataSetWords,
        PreviewBody,
        PlanBody,
        NetworkImportBody,
        *BODIES,
    )
    _, holder = models_json_schema([(body, "validation") for body in bodies], ref_template=SCHEMAS + "{model}")
    schemas: Json = holder["$defs"]
    return schemas
