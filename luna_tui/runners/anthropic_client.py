"""Build the one shared client of the SDK, with cancellable transport and without retries of its own."""

from __future__ import annotations

import os
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
CONNECTIONS = 256
"""More than workers can ever be, so that no call waits for a connection of another."""


def credentials_present(environ: dict[str, str]) -> bool:
    """Whether the SDK could find credentials, told without loading it (an empty value counts as unset)."""
    if any(environ.get(name, "").strip() for name in _CREDENTIALS):
        return True
    config = environ.get("ANTHROPIC_CONFIG_DIR") or os.path.join(
        environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config"), "anthropic"
    )
    return os.path.isdir(os.path.join(config, "configs"))


def make_client(base_url: str | None = None, api_key: str | None = None) -> anthropic.Anthropic:
    """One client for all threads. None = what the SDK finds in its environment."""
    import anthropic
    import httpx2

    from luna_tui.runners.transport import CancellableTransport

    proxies = getproxies()
    mounts: dict[str, httpx2.BaseTransport | None] = {}
    for scheme in ("http", "https"):
        if proxies.get(scheme, "").startswith(("http://", "https://")):
            mounts[f"{scheme}://"] = CancellableTransport(connections=CONNECTIONS, proxy=proxies[scheme])
    for host in filter(None, (h.strip().lstrip(".") for h in proxies.get("no", "").split(","))):
        mounts[f"all://{host}"] = None
    for host in ("127.0.0.1", "localhost", "[::1]"):
        mounts[f"all://{host}"] = None
    http_client = anthropic.DefaultHttpxClient(
        transport=CancellableTransport(connections=CONNECTIONS),
        mounts=mounts,
        follow_redirects=False,
        timeout=httpx2.Timeout(60.0, connect=10.0),
    )
    return anthropic.Anthropic(
        base_url=base_url, api_key=api_key, max_retries=0, http_client=http_client, open_telemetry=False
    )
