"""The table of the configuration that says what agents may do and what holds their commands: `[sandbox]`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.core.rules import Rule, RuleError, Rules, parse_rule
from luna_tui.core.sandbox import STRICTNESS, SandboxKind, SandboxSettings
from luna_tui.storage.config_ui import refuse
from luna_tui.storage.fields import Table
from luna_tui.storage.paths import config_dir

if TYPE_CHECKING:
    from luna_tui.storage.config import Config

SANDBOX_KEYS = ("kind", "network", "read", "deny", "ask", "allow")
ADDING_KEYS = frozenset(f"sandbox.{key}" for key in ("read", "deny", "ask", "allow"))
"""Those whose lists add to the lists of the layers before."""


def apply_sandbox(config: Config, sandbox: Table, *, project: bool) -> Config:
    """`config` with what `[sandbox]` says; lists add to those of the layers before.

    The file of a project comes with whatever one has fetched, so with `project` it can only tighten.
    """
    refuse(sandbox, SANDBOX_KEYS, (), "[sandbox]")
    before = config.sandbox
    found = SandboxSettings(
        kind=sandbox.choice("kind", SandboxKind, before.kind),
        network=sandbox.flag("network", before.network),
        read=before.read + _folders(sandbox),
        rules=before.rules.more(Rules(*(_rules(sandbox, key) for key in ("deny", "ask", "allow")))),
    )
    if project:
        found = _tightened(before, found, sandbox)
    return replace(config, sandbox=found)


def _tightened(before: SandboxSettings, found: SandboxSettings, sandbox: Table) -> SandboxSettings:
    if STRICTNESS.index(found.kind) < STRICTNESS.index(before.kind):
        _widens(sandbox, "kind", f"kind = {str(found.kind)!r} would loosen {str(before.kind)!r}")
    if found.network and not before.network:
        _widens(sandbox, "network", "network = true would open the network")
    if found.read != before.read:
        _widens(sandbox, "read", "read would show more files to commands")
    if found.rules.allow != before.rules.allow:
        _widens(sandbox, "allow", "allow would allow more")
    rules = replace(found.rules, allow=before.rules.allow)
    return replace(found, read=before.read, rules=rules)


def _widens(sandbox: Table, key: str, what: str) -> None:
    where = config_dir() / "config.toml"
    sandbox.wrong(
        key,
        f"{what}; the file of a project can only tighten [sandbox]",
        f"put it in {where}, or in a --config file",
    )


def _rules(sandbox: Table, key: str) -> tuple[Rule, ...]:
    found = []
    for text in sandbox.texts(key):
        try:
            found.append(parse_rule(text))
        except RuleError as error:
            sandbox.wrong(key, f"{key}: {error.what}", error.fix)
    return tuple(found)


def _folders(sandbox: Table) -> tuple[str, ...]:
    found = []
    for text in sandbox.texts("read"):
        path = os.path.normpath(os.path.expanduser(text)) if text.strip() and "\0" not in text else ""
        if not os.path.isabs(path):
            sandbox.wrong("read", f"read: {text!r} is no absolute path", "as in ~/.rustup or /opt/tools")
        elif path.strip("/") == "":
            sandbox.wrong(
                "read", "read: / would show every file to commands", "name the folders that they need"
            )
        else:
            found.append(path)
    return tuple(found)
