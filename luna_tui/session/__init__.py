"""Connect the parts: one session is one run as a front end sees it, live, replayed or attached."""

from __future__ import annotations

from luna_tui.session.beginning import GoingOn as GoingOn
from luna_tui.session.beginning import NewRun as NewRun
from luna_tui.session.beginning import SimulatorChoice as SimulatorChoice
from luna_tui.session.live import LiveSession as LiveSession
from luna_tui.session.live import check_credentials as check_credentials
from luna_tui.session.parting import Parting as Parting
from luna_tui.session.protocol import Session as Session
