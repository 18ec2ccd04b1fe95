"""Say in the engine's words what went wrong between us and the Messages API."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime

import anthropic
import httpcore2
import httpx2

from luna_tui.core.clean import clean_line
from luna_tui.core.words import ErrorKind, WaitReason
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.guard import MAX_ANSWER_BYTES, OversizedAnswer
from luna_tui.runners.limit_headers import read_retry_after

_MESSAGE_CHARS = 300
_QUOTE_CHARS = 40
"""A run of this many characters of the request inside a message is a quotation."""
_SPEND = "_spend_limit_reached"
_RAMP = "ramp_limit_exceeded"
_DIMENSIONS = (
    (re.compile(r"\binput[ _-]tokens?\b", re.IGNORECASE), WaitReason.ITPM),
    (re.compile(r"\boutput[ _-]tokens?\b", re.IGNORECASE), WaitReason.OTPM),
    (re.compile(r"\brequests?[ _-](?:per|a)\b|\bnumber of requests\b", re.IGNORECASE), WaitReason.RPM),
)
"""How the message of a 429 names the limit that was reached."""
_BY_STATUS = {
    400: (ErrorKind.INVALID_REQUEST, False),
    401: (ErrorKind.AUTHENTICATION, False),
    402: (ErrorKind.SPEND_LIMIT, False),
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
    "billing_error": (ErrorKind.SPEND_LIMIT, False),
    "not_found_error": (ErrorKind.NOT_FOUND, False),
    "invalid_request_error": (ErrorKind.INVALID_REQUEST, False),
    "request_too_large": (ErrorKind.TOO_LARGE, False),
}
_NETWORK = (
    anthropic.APIConnectionError,
    httpx2.RequestError,
    httpx2.InvalidURL,
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    OversizedAnswer,
)
_NOT_THE_API = (
    anthropic.APIResponseValidationError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    AssertionError,
)


def translate(error: BaseException, wall: datetime, private: Sequence[str] = ()) -> AttemptError | None:
    """The failure behind an exception of the SDK or its transport; None when it is none of theirs.

    `wall` is now, UTC. `private` are texts of the request; a server's message that quotes them, or
    the key, is not repeated.
    """
    if isinstance(error, anthropic.APIStatusError):
        return _from_status(error, wall, private)
    if isinstance(error, _NOT_THE_API):
        return _protocol(f"({type(error).__name__})")
    if isinstance(error, UnicodeEncodeError):
        return _unencodable(error)
    if isinstance(error, _NETWORK):
        return _from_network(_chain(error))
    if isinstance(error, anthropic.CredentialsError):
        text = f"the credentials cannot be used: {_short(str(error))}"
        return AttemptError(ErrorKind.CREDENTIALS_MISSING, text)
    if isinstance(error, anthropic.AnthropicError):
        return AttemptError(ErrorKind.INVALID_REQUEST, _public(str(error), (), private))
    if isinstance(error, TypeError) and "authentication method" in str(error):
        return AttemptError(
            ErrorKind.CREDENTIALS_MISSING, "no credentials: set ANTHROPIC_API_KEY and run again"
        )
    return None


def _from_status(error: anthropic.APIStatusError, wall: datetime, private: Sequence[str]) -> AttemptError:
    """An error answer, or an error event inside a stream (whose status is that of the stream: 200)."""
    status = error.status_code
    if 300 <= status < 400:
        text = "the server redirects elsewhere, which is refused; set the base URL to where it really is"
        return AttemptError(ErrorKind.PROTOCOL, text, status=status)
    said = error.api_message if isinstance(error.api_message, str) else ""
    text = _public(said, _keys(error.response), private) or f"the server answered {status}"
    code = error.error_code if isinstance(error.error_code, str) else ""
    if code.endswith(_SPEND):
        return AttemptError(ErrorKind.SPEND_LIMIT, f"spend limit reached: {text}", status=status)
    name = error.type if isinstance(error.type, str) else ""
    kind, retryable = _meaning(status, name)
    return AttemptError(
        kind,
        f"{_label(status, name, kind)}: {text}",
        status=status,
        retryable=retryable,
        retry_after_s=read_retry_after(error.response.headers, wall) if retryable else None,
        dimension=_dimension(said) if kind is ErrorKind.RATE_LIMITED else None,
        ramp=code == _RAMP,
    )


def _dimension(message: str) -> WaitReason | None:
    return next((reason for pattern, reason in _DIMENSIONS if pattern.search(message)), None)


def _meaning(status: int, name: str) -> tuple[ErrorKind, bool]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if name in _BY_TYPE:
        return _BY_TYPE[name]
    if status < 400 or status >= 500:
        return ErrorKind.SERVER, True
    return ErrorKind.INVALID_REQUEST, False


def _label(status: int, name: str, kind: ErrorKind) -> str:
    shown = name if name in _BY_TYPE else kind.value
    if status == 200:
        return f"{shown} in the stream"
    return f"{shown.removesuffix('_error')} ({status})"


def _from_network(chain: list[BaseException]) -> AttemptError:
    for classify in (_unusable, _unreachable):
        failure = classify(chain)
        if failure is not None:
            return failure
    if _among(chain, TimeoutError, httpx2.TimeoutException):
        return AttemptError(ErrorKind.STALLED, "the server sent nothing for too long", retryable=True)
    text = f"the connection broke before the answer was complete ({type(chain[0]).__name__})"
    return AttemptError(ErrorKind.CONNECTION, text, retryable=True)


def _unusable(chain: list[BaseException]) -> AttemptError | None:
    """Failures in which somebody answered, or we could not even ask."""
    if _among(chain, OversizedAnswer):
        return AttemptError(ErrorKind.PROTOCOL, f"the answer exceeded {MAX_ANSWER_BYTES:,} bytes")
    if _among(chain, httpx2.DecodingError):
        return _protocol("(compressed although that was not asked for)")
    if (unencodable := _among(chain, UnicodeEncodeError)) is not None:
        return _unencodable(unencodable)
    if _among(chain, httpx2.LocalProtocolError):
        return _bad_header()
    if _among(chain, httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        text = "the base URL is not one of http:// or https://; check ANTHROPIC_BASE_URL"
        return AttemptError(ErrorKind.INVALID_REQUEST, text)
    return None


def _unreachable(chain: list[BaseException]) -> AttemptError | None:
    proxy = _among(chain, httpx2.ProxyError)
    if proxy is not None:
        return _no_way(f"the proxy did not let us through: {_short(str(proxy))}")
    if _among(chain, socket.gaierror):
        return _no_way("the name of the server is not known to DNS")
    if _among(chain, ConnectionRefusedError):
        return _no_way("connection refused: nothing listens there")
    tls = _among(chain, ssl.SSLError)
    if tls is not None:
        return _no_way(_tls_text(tls))
    if _among(chain, httpx2.ConnectTimeout):
        return _no_way("the server did not answer the connection attempt")
    if _among(chain, httpx2.ConnectError):
        cause = _among(chain, OSError)
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else "no answer"
        return _no_way(f"the server could not be reached: {_short(why).lower()}")
    return None


def _tls_text(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: the server's certificate is not accepted: {_short(error.verify_message)}"
    reason = getattr(error, "reason", None) or "no handshake"
    plain = (
        " (is it a plain http:// address?)"
        if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
        else ""
    )
    return f"TLS failed: {_short(str(reason)).lower().replace('_', ' ')}{plain}"


def _no_way(text: str) -> AttemptError:
    return AttemptError(ErrorKind.UNREACHABLE, text, retryable=True)


def _protocol(detail: str) -> AttemptError:
    text = f"the answer is not what the API sends {detail}; a proxy or captive portal in between?"
    return AttemptError(ErrorKind.PROTOCOL, text, retryable=True)


def _unencodable(error: BaseException) -> AttemptError:
    if isinstance(error, UnicodeEncodeError) and error.encoding.startswith("utf"):
        text = "the request holds half a character (a lone surrogate); check the prompt and its files"
        return AttemptError(ErrorKind.INVALID_REQUEST, text)
    return _bad_header()


def _bad_header() -> AttemptError:
    text = "the key cannot be sent: stray quotes, spaces or line breaks in ANTHROPIC_API_KEY?"
    return AttemptError(ErrorKind.CREDENTIALS_MISSING, text)


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (after := chain[-1].__cause__ or chain[-1].__context__) is not None and after not in chain:
        chain.append(after)
    return chain


def _among(chain: list[BaseException], *kinds: type[BaseException]) -> BaseException | None:
    """The deepest member of a chain that is one of `kinds`."""
    return next((e for e in reversed(chain) if isinstance(e, kinds)), None)


def _keys(response: httpx2.Response) -> list[str]:
    headers = response.request.headers
    values = [headers.get("authorization", ""), headers.get("x-api-key", "")]
    return [word for value in values for word in value.split() if len(word) >= 6 and word != "Bearer"]


def _public(text: str, secrets: Sequence[str], private: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    text = _short(text)
    starts = range(0, max(1, len(text) - _QUOTE_CHARS + 1), 4)
    windows = [w for w in (text[n : n + _QUOTE_CHARS] for n in starts) if len(w) == _QUOTE_CHARS]
    if any(window in given for given in private for window in windows):
        return "the server's message quotes the request and is not repeated"
    return text


def _short(text: str) -> str:
    return clean_line(text)[:_MESSAGE_CHARS]
