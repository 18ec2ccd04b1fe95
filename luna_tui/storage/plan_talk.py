"""Read what was said before the prompt of a subtask."""

from __future__ import annotations

from luna_tui.storage.fields import Table, kind_of

MAX_MESSAGES = 1_000
_FIX = 'messages = [{ role = "user", content = "…" }, { role = "assistant", content = "…" }]'


def read_messages(table: Table) -> tuple[tuple[str, str], ...]:
    """(role, text) of each message, the user's first; none after noting what is wrong with them."""
    given = table.values.get("messages", [])
    if not isinstance(given, list):
        table.wrong("messages", f"messages must be a list, not {kind_of(given)}", _FIX)
        return ()
    if len(given) > MAX_MESSAGES:
        table.wrong(
            "messages", f"{len(given):,} messages come before the prompt", f"at most {MAX_MESSAGES:,}"
        )
        return ()
    found = []
    for number, message in enumerate(given):
        role, text = (message.get(k) for k in ("role", "content")) if isinstance(message, dict) else ("", "")
        whole = role in ("user", "assistant") and isinstance(text, str) and text.strip()
        if not whole or message.keys() != {"role", "content"}:
            table.wrong("messages", f"message {number} is none", _FIX)
            return ()
        found.append((str(role), str(text)))
    if found and found[0][0] != "user":
        table.wrong("messages", "the first message must be the user's", _FIX)
    return tuple(found)
