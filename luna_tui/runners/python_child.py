"""The process in which a Python callable of a plan is called.

Started with this file alone: it imports nothing of ours, and runs under the Python of the user. Reads the
call from one descriptor and writes what came of it to another; prints go where prints go.
"""

from __future__ import annotations

import os
import sys

sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

import importlib  # noqa: E402 - only now our own folder cannot shadow anything
import inspect  # noqa: E402
import json  # noqa: E402
import traceback  # noqa: E402
from operator import attrgetter  # noqa: E402
from typing import Any  # noqa: E402

_MOST_CHARS = 500


def call(wanted: dict[str, Any]) -> dict[str, Any]:
    """What came of the call: `text`, or `printed` where it returned nothing, or `error`."""
    sys.path.insert(0, wanted["workspace"])
    sys.argv = [wanted["callable"]]
    module, _, name = wanted["callable"].partition(":")
    try:
        function = attrgetter(name)(importlib.import_module(module))
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        return _failed(error, found=False)
    try:
        value = function(*wanted["args"], **wanted["kwargs"])
        if inspect.iscoroutine(value):
            import asyncio

            value = asyncio.run(value)
    except Exception as error:  # noqa: BLE001 - it is the user's function
        return _failed(error, found=True)
    if value is None:
        return {"printed": True}
    try:
        return {"text": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
    except (TypeError, ValueError, RecursionError):
        what = f"it returned {type(value).__name__}, which is no JSON"
        return {"error": f"{what}; return text, None or what JSON can hold", "found": True}


def _failed(error: Exception, *, found: bool) -> dict[str, Any]:
    ours = (__file__, importlib.__file__)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename not in ours]
    frames = [f for f in frames if not f.filename.startswith("<frozen")]
    own = [f for f in frames if f.filename.startswith(sys.path[0] + os.sep)]
    where = ""
    if frames:
        at = (own or frames)[-1]
        where = f" ({os.path.relpath(at.filename) if own else at.filename}:{at.lineno})"
        sys.stderr.write("Traceback (most recent call last):\n")
        sys.stderr.write("".join(traceback.format_list(frames)))
    sys.stderr.write("".join(traceback.format_exception_only(type(error), error)))
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    return {"error": message[:_MOST_CHARS] + where, "found": found}


def main(source: int, sink: int) -> None:
    """Call, and write what came of it."""
    for descriptor in (source, sink):
        os.set_inheritable(descriptor, False)
    with os.fdopen(source, "rb") as file:
        wanted = json.load(file)
    came_of_it = call(wanted)
    sys.stdout.flush()
    sys.stderr.flush()
    with os.fdopen(sink, "wb") as file:
        file.write(json.dumps(came_of_it).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
