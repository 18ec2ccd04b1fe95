"""What a secret looks like: shapes that are known, and values that the environment holds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, urlsplit

LEAST_CHARS = 8
"""A shorter value is no secret that could be found in text."""
_URL_SAFE = "A-Za-z0-9_-"
_UPPER = "A-Z0-9"
_BEARER = "A-Za-z0-9._~+/=-"
_PEM_KINDS = ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
_JWT_FIRST = (
    "eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", "eyJjdHkiOi", "eyJlbmMiOi", "eyJ4NXQiOi", "eyJqa3UiOi",
)  # fmt: skip
"""How the first member of a token's header looks in base64: alg, typ, kid, cty, enc, x5t, jku."""
_SECRET_ENDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE")
_OWN = "ANTHROPIC_"
_OWN_OPEN = ("_URL", "_MODEL", "_DIR", "_PROFILE", "_FILE", "_LOG", "_VERSION", "_REGION", "_ID")
"""Ends of the SDK's variables that hold no secret: an address or the name of a model may be shown."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A kind of secret that is known by its beginning."""

    heads: tuple[str, ...]
    """Any one of these begins it; no head of any shape begins with another one."""
    alphabet: str
    """What follows, as the inside of a character class."""
    least: int
    """So many characters make it certain; all that follow of the alphabet belong to it."""
    gap: str = ""
    """What may stand between head and body, a few characters of it; the inside of a class."""
    more: str = ""
    """What belongs to it once it is certain; empty = the alphabet."""
    keeps_head: bool = False
    """The head says what it is and is no part of the secret."""


SHAPES = (
    Shape(heads=("sk-ant-", "sk-proj-"), alphabet=_URL_SAFE, least=16),
    Shape(heads=("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), alphabet="A-Za-z0-9", least=20),
    Shape(heads=("github_pat_",), alphabet="A-Za-z0-9_", least=20),
    Shape(heads=("glpat-",), alphabet=_URL_SAFE, least=16),
    Shape(heads=("AKIA", "ASIA"), alphabet=_UPPER, least=16),
    Shape(heads=tuple(f"xox{c}-" for c in "abdeoprs"), alphabet="A-Za-z0-9-", least=10),
    Shape(heads=("AIza",), alphabet=_URL_SAFE, least=30),
    Shape(heads=_JWT_FIRST, alphabet="A-Za-z0-9_.-", least=20),
    Shape(
        heads=("Bearer ", "bearer ", "Bearer%20", "BEARER "), alphabet=_BEARER, least=20, keeps_head=True
    ),
    Shape(
        heads=tuple(f"BEGIN {kind}PRIVATE KEY-----" for kind in _PEM_KINDS),
        alphabet="A-Za-z0-9+/",
        least=16,
        gap=r"\s\\nr",
        more=r"A-Za-z0-9+/=\s\\",
        keeps_head=True,
    ),
)  # fmt: skip
"""Keys of Anthropic and OpenAI, GitHub, GitLab, AWS, Slack, Google; signed tokens; private keys."""


def known_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Value -> name of each variable that holds a secret by its name, in every form it may be written in.

    Such a variable is named KEY, TOKEN, SECRET, PASSWORD, PASSWD or PASSPHRASE, alone or after `_`, or
    is one of the SDK's own. As it is, URL-encoded, and as in a JSON text.
    """
    found: dict[str, str] = {}
    for name in sorted(environ, key=lambda n: (not n.startswith(_OWN), n)):
        value = _secret(name, environ[name])
        if len(value) >= LEAST_CHARS:
            for form in _forms(value):
                found.setdefault(form, _NO_NAME.sub("_", name)[:64])
    return found


def _secret(name: str, value: str) -> str:
    """What is secret of a variable; empty when nothing is."""
    upper = name.upper()
    if upper.endswith(tuple("_" + end for end in _SECRET_ENDS)) or upper in _SECRET_ENDS:
        return value.strip()
    if not upper.startswith(_OWN):
        return ""
    if not upper.endswith(_OWN_OPEN):
        return value.strip()
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""


def _forms(value: str) -> set[str]:
    written = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    # A surrogate stands for a byte of the environment that is no UTF-8; it can be no part of a URL.
    encoded = [quote(value, "", errors="replace"), quote_plus(value, errors="replace")]
    lower = [re.sub("%..", lambda m: m[0].lower(), form) for form in encoded]
    return {value, *written, *encoded, *lower, value.replace("/", "\\/")}
