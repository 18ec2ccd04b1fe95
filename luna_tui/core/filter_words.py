"""The words that a filter knows, in both languages of the interface."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from luna_tui.core.insight import Stand
from luna_tui.core.words import LIMIT_REASONS, ErrorKind, Kind, WaitReason

Choices = Mapping[str, frozenset[str]]
"""Word -> the values it stands for."""

_RUNNING = (Stand.SENT, Stand.STREAMING, Stand.TOOL, Stand.QUIET)
_WAITING = (Stand.LIMIT, Stand.HELD, Stand.ASK, Stand.PAUSED, Stand.BACKOFF)
_BAD = (Stand.FAILED, Stand.TIMED_OUT)
_ENDED = (Stand.OK, Stand.CACHED, Stand.CANCELLED, Stand.SKIPPED, *_BAD)


def _table(pairs: Mapping[str, Sequence[str]]) -> Choices:
    return {word: frozenset(values) for word, values in pairs.items()}


FIELDS: tuple[Mapping[str, str], ...] = (
    {"s": "s", "wave": "wave", "why": "why", "kind": "kind", "id": "id", "state": "s"},
    {"estado": "s", "onda": "wave", "porque": "why", "tipo": "kind"},
)
"""Names of fields, English ones first -> their meaning."""

STATES: tuple[Choices, ...] = (
    _table(
        {
            **{stand.value.replace("_", ""): (stand,) for stand in Stand},
            "timeout": (Stand.TIMED_OUT,),
            "retry": (Stand.BACKOFF,),
            "mute": (Stand.QUIET,),
            "running": _RUNNING,
            "waiting": _WAITING,
            "bad": _BAD,
            "ended": _ENDED,
        }
    ),
    _table(
        {
            "fila": (Stand.QUEUED,),
            "limite": (Stand.LIMIT,),
            "retido": (Stand.HELD,),
            "pergunta": (Stand.ASK,),
            "pausado": (Stand.PAUSED,),
            "espera": (Stand.BACKOFF,),
            "enviado": (Stand.SENT,),
            "fluindo": (Stand.STREAMING,),
            "ferramenta": (Stand.TOOL,),
            "quieto": (Stand.QUIET,),
            "fantasma": (Stand.GHOST,),
            "falhou": (Stand.FAILED,),
            "expirado": (Stand.TIMED_OUT,),
            "cancelado": (Stand.CANCELLED,),
            "pulado": (Stand.SKIPPED,),
            "rodando": _RUNNING,
            "esperando": _WAITING,
            "ruim": _BAD,
            "terminado": _ENDED,
        }
    ),
)
"""Words of `s:`, a table a language, -> names of `Stand`."""

DEPENDENCY = "dependency"
WHYS: tuple[Choices, ...] = (
    _table(
        {
            **{reason.value: (reason.value,) for reason in WaitReason},
            **{kind.value: (kind.value,) for kind in ErrorKind},
            "limit": tuple(LIMIT_REASONS),
            DEPENDENCY: (DEPENDENCY,),
        }
    ),
    _table(
        {
            "orcamento": (WaitReason.BUDGET,),
            "pausa": (WaitReason.PAUSED,),
            "aprovacao": (WaitReason.APPROVAL,),
            "recuo": (WaitReason.BACKOFF,),
            "limite": tuple(LIMIT_REASONS),
            "dependencia": (DEPENDENCY,),
            "sobrecarga": (ErrorKind.OVERLOADED,),
            "conexao": (ErrorKind.CONNECTION,),
            "recusado": (ErrorKind.REFUSED,),
        }
    ),
)
"""Words of `why:` -> names of `WaitReason` and `ErrorKind`."""

KINDS: tuple[Choices, ...] = (
    _table({kind.value: (kind.value,) for kind in Kind}),
    _table({"comando": (Kind.COMMAND,)}),
)


def choose(word: str, tables: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """The words that `word` may be: itself, else those that begin with it in the first language with some."""
    if not any("_" in known for table in tables for known in table):
        word = word.replace("_", "")
    for table in tables:
        if word in table:
            return (word,)
    for table in tables:
        found = [known for known in table if known.startswith(word)]
        if len({table[known] for known in found}) == 1:
            return (found[0],)
        if found:
            return tuple(found)
    return ()


def values(word: str, tables: Sequence[Choices]) -> frozenset[str]:
    """What a known word stands for."""
    return next(table[word] for table in tables if word in table)


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that is most like `word`; empty when none is."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), "")
