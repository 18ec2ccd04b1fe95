"""Build the one shared client of the SDK, with cancellable transport and without retries of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies

if TYPE_CHECKING:
    import anthropic

_CREDENTIALS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
)
CONNECTIONS = 320
"""At least this many may be open, so that no call waits for a connection of another: the most workers
there are without a number from the user, and those whose cancelled call is still being closed."""
_CONNECT_S = 10.0
_READ_S = 600.0
"""A backstop; each attempt's guard is stricter."""


def credentials_present(environ: Mapping[str, str]) -> bool:
    """Whether the SDK could find credentials, told without loading it (an empty value counts as unset).

    Mirrors the SDK's search: variables, then the file of the active profile.
    """
    if any(environ.get(name, "").strip() for name in _CREDENTIALS):
        return True
    home = Path(environ.get("HOME") or "/")
    folder = Path(environ.get("ANTHROPIC_CONFIG_DIR") or home / ".config" / "anthropic")
    try:
        profile = (folder / "active_config").read_text(encoding="utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        profile = "default"
    return (folder / "configs" / f"{profile}.json").is_file()


def account(environ: Mapping[str, str]) -> str:
    """What names the account whose limits are used: credentials and address. Secret; never to be shown."""
    names = (*_CREDENTIALS, "ANTHROPIC_CONFIG_DIR", "ANTHROPIC_BASE_URL")
    return "\0".join(environ.get(name, "").strip() for name in names)


def make_client(
    base_url: str | None = None, api_key: str | None = None, workers: int = 0
) -> anthropic.Anthropic:
    """One client for all threads, at most `workers` of which call at once.

    None = what the SDK finds in its environment; an `api_key` switches that search off.
    """
    import anthropic
    import httpx2

    from luna_tui.runners.proxies import proxy_mounts
    from luna_tui.runners.transport import CancellableTransport

    connections = max(CONNECTIONS, workers)
    context = httpx2.create_ssl_context()
    http_client = anthropic.DefaultHttpxClient(
        transport=CancellableTransport(connections=connections, ssl_context=context),
        mounts=proxy_mounts(getproxies(), connections=connections, ssl_context=context),
        follow_redirects=False,
        timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S, pool=_CONNECT_S),
        headers={"accept-encoding": "identity"},
    )
    return anthropic.Anthropic(
        base_url=base_url, api_key=api_key, max_retries=0, http_client=http_client, open_telemetry=False
    )
