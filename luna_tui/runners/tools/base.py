"""The seam between an agent's conversation and a tool: described, judged, asked about, then used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from luna_tui.engine.cancel import CancelToken


class ToolError(Exception):
    """What the model asked for cannot be done; the text is for the model, and says what would work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an attempt works."""

    subtask: str
    workspace: str
    """Absolute path; all that file tools and commands may reach."""
    own: bool
    """The workspace belongs to the subtask alone, and what changes there is looked at afterwards."""
    writable: bool
    """The plan grants a tool that writes files, so commands may write too."""
    run_dir: str = ""
    """Absolute path of the run directory; empty when the run keeps nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a tool, checked and described before anything is done."""

    given: Mapping[str, Any]
    """As the model wrote it, checked."""
    subject: str
    """What rules are matched with: a path relative to the workspace, a command line, an address."""
    summary: str
    """One line for the screen."""
    detail: str = ""
    """All of it, for whoever is asked: the command, the difference."""
    pattern: str = ""
    """Rule that an allowance for more than once would be; empty = only once."""
    harmless: bool = False
    """Allowed where no rule says otherwise; everything else is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a tool brought."""

    text: str
    """For the model, of a size that a conversation can bear; it says what is left out."""
    ok: bool = True
    summary: str = ""
    """One line for the screen: `342 lines`, `exit code 1`."""


class Tool(Protocol):
    """One tool that runs on this side; one instance serves all threads and keeps nothing between uses."""

    @property
    def name(self) -> str:
        """As the model calls it: [A-Za-z0-9_-]{1,64}."""
        ...

    @property
    def definition(self) -> Mapping[str, Any]:
        """As the API takes it: name, description, input_schema."""
        ...

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """Check what the model wrote and say what it comes to; ToolError when it cannot be done."""
        ...

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Do it; ToolError for what the model should read, Cancelled when the token is."""
        ...
