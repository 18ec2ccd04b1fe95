"""What a test needs of the machine: where it is not there, that is never silent."""

from __future__ import annotations

import os

import pytest


def lacking(what: str, why: str) -> None:
    """Skip with a reason in capitals; on a build server fail, unless that has said that it has no such thing.

    `what` is a word of LUNA_UNTESTABLE: sshd, mount, root, bwrap, landlock.
    """
    said = os.environ.get("LUNA_UNTESTABLE", "").split()
    if os.environ.get("CI", "").lower() in ("1", "true", "yes") and what not in said:
        pytest.fail(f"{why} (LUNA_UNTESTABLE={what} admits that it cannot be tested here)")
    pytest.skip(f"NOTHING IS KNOWN HERE: {why}")
