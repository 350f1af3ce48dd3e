"""`/openapi.json`: the paths, and what may be sent to them, from the models of requests themselves."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import rhapsode
from rhapsode.serving.answers import ANSWERS, CompletionEvent, ErrorAnswer, Health, SessionEvent
from rhapsode.serving.requests import Asked

Route = tuple[str, str, str, type[Asked] | None, str]
"""Method, path, a sentence, the model of its body, and the media types of the answer, with `, ` between."""
REFERENCE = "#/components/schemas/{model}"

EVENTS = "text/event-stream"
STATUSES = {
    "GET": (400, 401, 403, 404, 405, 413, 500, 503),
    "POST": (400, 401, 403, 404, 405, 413, 415, 429, 500, 503),
    "DELETE": (401, 403, 404, 405, 500, 503),
}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _answer(method: str, path: str, media: str) -> dict[str, Any]:
    """The schema of an answer; of server-sent events, that of one."""
    if media == EVENTS and path.endswith("/completions"):
        data: list[dict[str, Any]] = [
            {"type": "string", "contentMediaType": "application/json", "contentSchema": _reference(one)}
            for one in (SessionEvent if "sessions" in path else CompletionEvent, ErrorAnswer)
        ]
        data.append({"const": "[DONE]"})
        return {"type": "object", "required": ["data"], "properties": {"data": {"anyOf": data}}}
    if media == "application/json":
        return _reference(ANSWERS[method, path]) if (method, path) in ANSWERS else {}
    return {"type": "string"}


def page(routes: list[Route]) -> dict[str, Any]:
    """The page, by the OpenAPI specification 3.1."""
    bodies = [body for _, _, _, body, _ in routes if body is not None]
    _, schema = models_json_schema([(body, "validation") for body in bodies], ref_template=REFERENCE)
    kinds: list[type[BaseModel]] = [*ANSWERS.values(), CompletionEvent, SessionEvent, ErrorAnswer]
    _, given = models_json_schema([(one, "serialization") for one in kinds], ref_template=REFERENCE)
    for one in schema.get("$defs", {}).values():
        for name, field in one.get("properties", {}).items():
            if name not in one.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                one["properties"][name] = {"anyOf": [field, {"type": "null"}]}  # null is the default
    paths: dict[str, Any] = {}
    error = {"content": {"application/json": {"schema": _reference(ErrorAnswer)}}}
    for method, path, summary, body, media in routes:
        path = path.replace(":path}", "}")
        content = {one: {"schema": _answer(method, path, one)} for one in media.split(", ")}
        responses: dict[str, Any] = {"200": {"description": "the answer", "content": content}}
        responses |= {str(status): {"description": "an error", **error} for status in STATUSES[method]}
        if path == "/health":
            content = {"application/json": {"schema": {"anyOf": [_reference(Health), _reference(ErrorAnswer)]}}}
            responses["503"] = {"description": "the server is loading or stopping", "content": content}
        if path.endswith("{id}/completions"):
            responses["409"] = {"description": "another request appends to the session", **error}
        name = path.strip("/").translate(str.maketrans("/.", "__", "{}"))
        operation: dict[str, Any] = {"operationId": f"{method.lower()}_{name}", "summary": summary}
        operation["responses"] = responses
        if body is not None:
            content = {"application/json": {"schema": _reference(body)}}
            operation["requestBody"] = {"required": True, "content": content}
        named = [
            {"name": one, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for one in re.findall(r"{(\w+)}", path)
        ]
        if path == "/tokenizer_info":
            named.append({"name": "model", "in": "query", "required": False, "schema": {"type": "string"}})
        if named:
            operation["parameters"] = named
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rhapsode", "version": rhapsode.__version__},
        "paths": paths,
        "components": {
            "schemas": {**schema.get("$defs", {}), **given.get("$defs", {})},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }
