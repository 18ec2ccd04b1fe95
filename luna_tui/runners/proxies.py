"""Which proxy serves which address, as the environment says it.

A client that is given a transport of its own no longer looks at the environment, so this does.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping

import httpx2

from luna_tui.runners.transport import CancellableTransport

_LOCAL = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class RefusedProxy(httpx2.BaseTransport):
    """Stands for a proxy that cannot be used: going around it silently would break somebody's rule."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raise."""
        raise httpx2.ProxyError(
            f"a proxy of the kind {self._scheme}:// is set in the environment; only http:// is supported",
            request=request,
        )


def proxy_mounts(
    environment: Mapping[str, str], *, connections: int, ssl_context: ssl.SSLContext
) -> dict[str, httpx2.BaseTransport | None]:
    """Transports by URL pattern; None = directly. `environment` is what `urllib.request.getproxies` gives.

    Hosts of NO_PROXY are read as curl and httpx2 read them; loopback is always direct.
    """
    excepted = [host.strip() for host in environment.get("no", "").split(",") if host.strip()]
    if "*" in excepted:
        return {}
    mounts: dict[str, httpx2.BaseTransport | None] = {}
    for scheme in ("http", "https", "all"):
        address = environment.get(scheme, "").strip()
        if address:
            mounts[f"{scheme}://"] = _through(address, connections, ssl_context)
    if not mounts:
        return {}
    return mounts | dict.fromkeys(_LOCAL) | dict.fromkeys(filter(None, map(_pattern, excepted)))


def _through(address: str, connections: int, ssl_context: ssl.SSLContext) -> httpx2.BaseTransport:
    scheme, separator, _ = address.partition("://")
    if not separator:
        address, scheme = f"http://{address}", "http"
    if scheme.lower() != "http":
        return RefusedProxy(scheme.lower()[:16])
    try:
        proxy = httpx2.Proxy(url=address)
    except (httpx2.InvalidURL, ValueError):
        return RefusedProxy("an unreadable address, not")
    return CancellableTransport(connections=connections, ssl_context=ssl_context, proxy=proxy)


def _pattern(host: str) -> str | None:
    """The URL pattern of an entry of NO_PROXY; None for one that cannot be read, which is ignored."""
    try:
        pattern = host if "://" in host else _host_pattern(host)
        httpx2.URL(pattern)
    except (httpx2.InvalidURL, ValueError):
        return None
    return pattern


def _host_pattern(host: str) -> str:
    bare = host.strip("[]")
    if "/" in bare:
        network = ipaddress.ip_network(bare, strict=False)
        address = str(network.network_address)
        return f"all://{_in_url(address)}/{network.prefixlen}"
    try:
        return f"all://{_in_url(str(ipaddress.ip_address(bare)))}"
    except ValueError:
        exact = host.startswith("*.") or host.lower() == "localhost"
        return f"all://{host}" if exact else f"all://*{host}"


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
