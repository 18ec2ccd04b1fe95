"""Say in the engine's words what went wrong between us and the Messages API."""

from __future__ import annotations

import json
import socket
import ssl
from datetime import datetime
from typing import TYPE_CHECKING

from luna_tui.core.clean import clean_line
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.limit_headers import read_retry_after

if TYPE_CHECKING:
    import anthropic

_MESSAGE_CHARS = 300
_SPEND = ("enforced_spend_limit_reached", "contract_spend_limit_reached")
_BY_STATUS = {
    400: (ErrorKind.INVALID_REQUEST, False),
    401: (ErrorKind.AUTHENTICATION, False),
    403: (ErrorKind.AUTHENTICATION, False),
    404: (ErrorKind.NOT_FOUND, False),
    408: (ErrorKind.CONNECTION, True),
    409: (ErrorKind.SERVER, True),
    413: (ErrorKind.TOO_LARGE, False),
    429: (ErrorKind.RATE_LIMITED, True),
    529: (ErrorKind.OVERLOADED, True),
}
_BY_TYPE = {
    "rate_limit_error": (ErrorKind.RATE_LIMITED, True),
    "overloaded_error": (ErrorKind.OVERLOADED, True),
    "api_error": (ErrorKind.SERVER, True),
    "timeout_error": (ErrorKind.SERVER, True),
    "authentication_error": (ErrorKind.AUTHENTICATION, False),
    "permission_error": (ErrorKind.AUTHENTICATION, False),
    "not_found_error": (ErrorKind.NOT_FOUND, False),
    "invalid_request_error": (ErrorKind.INVALID_REQUEST, False),
    "request_too_large": (ErrorKind.TOO_LARGE, False),
}


def translate(error: BaseException, wall: datetime) -> AttemptError | None:
    """The failure behind an exception of the SDK or its transport; None when it is none of theirs."""
    import anthropic
    import httpcore2
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _from_status(error, wall)
    if isinstance(error, anthropic.APIConnectionError | httpx2.TransportError | httpcore2.NetworkError):
        return _from_transport(error)
    if isinstance(error, anthropic.APIResponseValidationError | httpx2.HTTPError):
        return _protocol(error)
    if isinstance(error, anthropic.AnthropicError):
        return AttemptError(ErrorKind.INVALID_REQUEST, _short(str(error)))
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | AssertionError):
        return _protocol(error)
    if isinstance(error, TypeError) and "authentication" in str(error):
        return AttemptError(
            ErrorKind.CREDENTIALS_MISSING, "no credentials: set ANTHROPIC_API_KEY and run again"
        )
    return None


def _from_status(error: anthropic.APIStatusError, wall: datetime) -> AttemptError:
    """An error answer, or an error event inside a stream (whose status is that of the stream: 200)."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    detail: dict[str, object] = inner if isinstance(inner, dict) else body
    name = str(detail.get("type", ""))
    code = str(detail.get("error_code", "") or getattr(error, "error_code", "") or "")
    status = error.status_code
    retry_after_s = read_retry_after(error.response.headers, wall)
    text = _short(str(detail.get("message", ""))) or f"the server answered {status}"
    if code in _SPEND:
        return AttemptError(ErrorKind.SPEND_LIMIT, f"spend limit reached: {text}", status=status)
    if 300 <= status < 400:
        return AttemptError(ErrorKind.PROTOCOL, "the server redirects elsewhere; refused", status=status)
    known = _BY_STATUS.get(status) or _BY_TYPE.get(name)
    kind, retryable = known or (ErrorKind.SERVER, status >= 500 or status == 200)
    if name in _BY_TYPE and status == 200:
        kind, retryable = _BY_TYPE[name]
    label = (
        f"{name.removesuffix('_error') or kind.value} ({status})"
        if status != 200
        else f"{name} in the stream"
    )
    return AttemptError(
        kind, f"{label}: {text}", status=status, retryable=retryable, retry_after_s=retry_after_s
    )


def _from_transport(error: BaseException) -> AttemptError:
    cause = _root(error)
    name = type(error).__name__
    if isinstance(cause, socket.gaierror):
        return AttemptError(
            ErrorKind.UNREACHABLE, "the name of the server is not known to DNS", retryable=True
        )
    if isinstance(cause, ConnectionRefusedError):
        return AttemptError(
            ErrorKind.UNREACHABLE, "connection refused: nothing listens there", retryable=True
        )
    if isinstance(cause, ssl.SSLError):
        return AttemptError(ErrorKind.UNREACHABLE, f"TLS failed: {_short(str(cause))}", retryable=True)
    chain = _chain(error)
    if any("Connect" in type(e).__name__ for e in chain):
        return AttemptError(ErrorKind.UNREACHABLE, "the server could not be reached", retryable=True)
    if any("Timeout" in type(e).__name__ for e in chain):
        return AttemptError(ErrorKind.STALLED, "the server sent nothing for too long", retryable=True)
    return AttemptError(
        ErrorKind.CONNECTION, f"the connection broke before the answer was complete ({name})", retryable=True
    )


def _protocol(error: BaseException) -> AttemptError:
    return AttemptError(
        ErrorKind.PROTOCOL,
        f"the answer is not what the API sends ({type(error).__name__}); is a proxy in between?",
        retryable=True,
    )


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (after := chain[-1].__cause__ or chain[-1].__context__) is not None and after not in chain:
        chain.append(after)
    return chain


def _root(error: BaseException) -> BaseException:
    """The OSError at the bottom of a chain, else its last member."""
    chain = _chain(error)
    return next((e for e in reversed(chain) if isinstance(e, OSError)), chain[-1])


def _short(text: str) -> str:
    return clean_line(text)[:_MESSAGE_CHARS]
