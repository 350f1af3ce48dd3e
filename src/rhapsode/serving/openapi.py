"""`/openapi.json`: the paths, and what may be sent to them, from the models of requests themselves."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

import rhapsode
from rhapsode.serving.requests import Asked

Route = tuple[str, str, str, type[Asked] | None, str]
"""Method, path, a sentence, the model of its body, and the media type of the answer."""

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
STATUSES = {
    "GET": (401, 403, 404, 405, 500, 503),
    "POST": (400, 401, 403, 404, 405, 413, 415, 429, 500, 503),
    "DELETE": (401, 403, 404, 405, 500, 503),
}


def page(routes: list[Route]) -> dict[str, Any]:
    """The page, by the OpenAPI specification 3.1."""
    bodies = [body for _, _, _, body, _ in routes if body is not None]
    _, schema = models_json_schema(
        [(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}"
    )
    for one in schema.get("$defs", {}).values():
        for name, field in one.get("properties", {}).items():
            if name not in one.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                one["properties"][name] = {"anyOf": [field, {"type": "null"}]}  # null is the default
    paths: dict[str, Any] = {}
    for method, path, summary, body, media in routes:
        error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
        responses: dict[str, Any] = {"200": {"description": "the answer", "content": {media: {"schema": {}}}}}
        responses |= {str(status): {"description": "an error", **error} for status in STATUSES[method]}
        if path == "/health":
            responses["503"] = {"description": "the server is loading or stopping"}
        if path.endswith("{id}/completions"):
            responses["409"] = {"description": "another request appends to the session", **error}
        operation: dict[str, Any] = {"summary": summary, "responses": responses}
        if body is not None:
            reference = {"$ref": f"#/components/schemas/{body.__name__}"}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
        if "{" in path:
            name = path.partition("{")[2].partition("}")[0]
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            ]
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rhapsode", "version": rhapsode.__version__},
        "paths": paths,
        "components": {
            "schemas": {**schema.get("$defs", {}), "Error": ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }
