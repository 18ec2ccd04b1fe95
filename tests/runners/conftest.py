"""The runners' tests trust one certificate: reading the system's for every client would double their time."""

from __future__ import annotations

import pytest
from runners.scripted_server import CERTIFICATE


@pytest.fixture(autouse=True)
def _one_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
