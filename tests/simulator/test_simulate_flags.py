"""The flags of `simulate`, from words to settings."""

from __future__ import annotations

import argparse

import pytest

from luna_tui.commands.simulate import settings_of
from luna_tui.commands.simulate_flags import add_simulate_flags
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import TIERS, Limits
from luna_tui.simulator.faults import FaultKind
from luna_tui.simulator.settings import (
    Foreign,
    HeaderMode,
    HeaderMoment,
    LimitChange,
    OutputRule,
    SimulatorSettings,
)

EVERY = """
--tier tier1 --limits rpm=60,otpm=9000 --limits-at 30:0.5 --limits-at 90:2 --burst 10
--output reserved --foreign 0.5:10:60 --ramp 2:5000 --spend-limit 9 --refusals-cost
--headers stale --head late --no-retry-after --seed 3 --speed 2
--chaos overloaded=0.05,cut=0.03 --chaos server_error=0.02 --fault stall
"""


def settings(*argv: str) -> SimulatorSettings:
    parser = argparse.ArgumentParser()
    add_simulate_flags(parser, float)
    return settings_of(parser.parse_args(argv))


def test_no_flag_means_the_defaults() -> None:
    assert settings() == SimulatorSettings()


def test_every_flag_reaches_its_setting() -> None:
    given = settings(*EVERY.split())
    assert given.limits == Limits(60, TIERS["tier1"].limits.itpm, 9_000)
    assert given.limit_changes == (LimitChange(30, 0.5), LimitChange(90, 2))
    assert given.foreign == (Foreign(0.5, 10, 60),)
    assert (given.burst_s, given.ramp, given.ramp_floor, given.spend_limit) == (10, 2, 5_000, 9)
    assert given.output_rule is OutputRule.RESERVED
    assert (given.headers, given.header_moment) == (HeaderMode.STALE, HeaderMoment.LATE)
    assert (given.retry_after, given.refusals_cost) == (False, True)
    assert (given.seed, given.speed) == (3, 2)
    assert [f.kind for f in given.faults] == [FaultKind.STALL]
    assert given.chaos == (
        (FaultKind.OVERLOADED, 0.05),
        (FaultKind.CUT, 0.03),
        (FaultKind.SERVER_ERROR, 0.02),
    )
    assert settings("--ramp", "1.5").ramp_floor is None


@pytest.mark.parametrize(
    ("argv", "title", "named"),
    [
        ("--tier tier22", "bad --tier", "'tier22'"),
        ("--limits rmp=5", "bad --limits", "unknown key 'rmp'"),
        ("--limits rpm=0", "bad --limits", "'0' must be 1 to"),
        ("--limits-at 30", "bad --limits-at", "'30' is no SECONDS:FACTOR"),
        ("--limits-at 30:0", "bad --limits-at", "'0' must be 0.001 to 1000"),
        ("--foreign 2:1:5", "bad --foreign", "'2' must be 0 to 1"),
        ("--foreign 0.5:a:5", "bad --foreign", "'a' is not a number"),
        ("--ramp fast", "bad --ramp", "'fast' is not a number"),
        ("--ramp 2:-1", "bad --ramp", "'-1' must be 0 or more"),
        ("--chaos cut=0.7,stall=0.4", "bad --chaos", "more than 1"),
        ("--chaos cuts=0.7", "bad --chaos", "unknown key 'cuts'"),
        ("--burst 0", "bad --burst", "0 must be"),
        ("--spend-limit -1", "bad --spend-limit", "0 or more"),
    ],
)
def test_a_flag_that_is_wrong_is_named(argv: str, title: str, named: str) -> None:
    with pytest.raises(LunaError) as caught:
        settings(*argv.split())
    assert caught.value.title == title
    assert named in caught.value.message
    assert caught.value.code is ExitCode.USAGE
