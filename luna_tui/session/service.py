"""The service that a session asks: its limits, shared with our other processes, or a pretended one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from luna_tui.core.limits import TIERS
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.session.beginning import SimulatorChoice
from luna_tui.storage.config import Config, current_environ

if TYPE_CHECKING:
    from luna_tui.engine.limiter_shared import SharedTable
    from luna_tui.engine.limiters import Limiters
    from luna_tui.simulator.server import SimulatorServer

_log = logging.getLogger(__name__)


def limiters_of(config: Config, clock: Clock) -> Limiters:
    """The limiters that requests pass; books that are shared when the account is a real one."""
    from luna_tui.engine.limiters import Limiters

    def table_of(family: str) -> SharedTable | None:
        return _table_of(config, clock, family)

    return Limiters(config.tiers[config.tier].limits, config.mode, clock, table_of=table_of)


def simulator_of(config: Config, choice: SimulatorChoice, clock: Clock) -> SimulatorServer:
    """A simulated service that has not started."""
    from luna_tui.simulator.server import SimulatorServer
    from luna_tui.simulator.settings import SimulatorSettings

    settings = choice.settings or SimulatorSettings(
        limits=config.tiers.get(config.tier, TIERS["tier2"]).limits,
        speed=choice.speed,
        faults=choice.faults,
    )
    return SimulatorServer(settings, clock)


def _table_of(config: Config, clock: Clock, family: str) -> SharedTable | None:
    """Books that all our processes on the same account share; a simulated account is ours alone."""
    if config.provider == "simulator" or not isinstance(clock, SystemClock):
        return None
    from luna_tui.engine.limiter_shared import COMMON_WIDTH, SLOT_WIDTH
    from luna_tui.runners.anthropic_client import account
    from luna_tui.storage.shared_limits import limits_table

    try:
        return limits_table(account(current_environ()), family, COMMON_WIDTH, SLOT_WIDTH)
    except OSError as error:
        _log.warning("limits are not shared with other processes: %s", error)
        return None
