"""Errors as clients of the completions API expect them: a status, and `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from rhapsode.errors import UserError
from rhapsode.inference.batching import Closed, Full

SHOWN = 200
"""The most characters of a message that a client sees of what it sent."""

FIELDS = ("prompt", "stop", "valid", "logit_bias")
"""What is said of these begins with the name."""


class ApiError(Exception):
    """An answer other than 200. param: the field of the request that is wrong; code: a name that programs test."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def body(self) -> dict[str, Any]:
        kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
            self.status, "server_error" if self.status >= 500 else "invalid_request_error"
        )
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def of(error: Exception) -> ApiError:
    """What a client is told of an error in its request. Other errors are failures of ours: it is told no details."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False)
        # Of several allowed types, the one that came furthest.
        first = max(found, key=lambda one: (one["type"] == "too_long", len(one["loc"])))
        where = ".".join(str(part) for part in first["loc"] if not _variant(part))
        why = first["msg"].removeprefix("Value error, ")
        message = f"{where}: {why}" if where else why
        param = str(first["loc"][0]) if first["loc"] else None
        return ApiError(400, message[:SHOWN], param)
    if isinstance(error, Full):
        return ApiError(429, str(error), code="queue_full", Retry_After="1")
    if isinstance(error, Closed):
        return ApiError(503, "The server is stopping.", code="stopping", Retry_After="5")
    if isinstance(error, UserError):
        field = str(error).partition(":")[0]
        return ApiError(400, str(error), field if field in FIELDS else None)
    return ApiError(500, "The server failed at this request. Its log says more.", code="internal_error")


def _variant(part: object) -> bool:
    """Whether a part of pydantic's path is no name of a field, but names one of several allowed types."""
    return isinstance(part, str) and (not part.isidentifier() or part in ("str", "int", "float"))
