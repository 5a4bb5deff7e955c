"""A client that checks every answer against the OpenAPI document before it hands it on."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol, cast

from django.test import Client
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from webapp.api.application import openapi_document
from webapp.teams.models import User


class Answer(Protocol):
    """A response as Django's test client hands it out."""

    status_code: int
    content: bytes
    streaming_content: Iterator[bytes]

    def json(self) -> Any: ...
    def __getitem__(self, header: str) -> str: ...
    def __contains__(self, header: str) -> bool: ...


ROOT = "/api/v1"
YAML = "application/yaml"


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(openapi_document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in paths]


@functools.cache
def _registry() -> "Registry[Any]":
    document = json.loads(json.dumps(openapi_document()))
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:api", resource)
    return registry


def path_in_document(path: str) -> str | None:
    """The documented path of an address."""
    return next((found for pattern, found in _patterns() if pattern.fullmatch(path)), None)


def check_answer(method: str, path: str, response: Answer) -> None:
    """Assert that the document announces such an answer."""
    documented = path_in_document(path)
    operation = openapi_document()["paths"].get(documented, {}).get(method.lower())
    if operation is None:  # an unknown address or method: only a problem can come
        assert response.status_code in {404, 405}, (method, path, response.status_code)
        _validate({"$ref": "urn:api#/components/schemas/Problem"}, response.json())
        return
    answers = operation["responses"]
    assert str(response.status_code) in answers, (method, path, response.status_code, response.content[:400])
    answer = answers[str(response.status_code)]
    if "$ref" in answer:
        answer = openapi_document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer.get("content")
    if not content:
        assert getattr(response, "streaming", False) or not response.content
        return
    media_type = response["Content-Type"].partition(";")[0]
    assert media_type in content, (method, path, media_type)
    if media_type.endswith("json"):
        _validate(_absolute(content[media_type]["schema"]), response.json())


def _absolute(schema: Any) -> Any:
    text = json.dumps(schema).replace('"#/components/', '"urn:api#/components/')
    return json.loads(text)


def _validate(schema: Any, value: Any) -> None:
    validator = Draft202012Validator(schema, registry=_registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    assert not errors, errors


class Api:
    """Calls operations as somebody.

    Args:
        user: by a session cookie; None for nobody.
        token: by this bearer token.
    """

    def __init__(self, *, user: User | None = None, token: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers: dict[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
        if user is not None:
            self.client.force_login(user)

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """One request; a body that is not text is sent as JSON."""
        headers = {**self.headers, **options.pop("headers", {})}
        media_type = options.pop("media_type", "application/json" if not isinstance(body, str | bytes) else YAML)
        data = body if isinstance(body, str | bytes) else (b"" if body is None else json.dumps(body).encode())
        query = options.pop("query", None)
        response = cast(
            "Answer",
            self.client.generic(
                method, ROOT + path, data, content_type=media_type, headers=headers, query_params=query
            ),
        )
        assert not options, options
        check_answer(method, ROOT + path.partition("?")[0], response)
        return response

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a successful GET."""
        response = self("GET", path, query=query)
        assert response.status_code == 200, response.content
        return response.json()


def codes(response: Answer) -> dict[str, str]:
    """The code of each problem by its path."""
    return {error["path"]: error["code"] for error in response.json()["errors"]}
