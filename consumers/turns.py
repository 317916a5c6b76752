"""The loop of what looks into the store every moment rather than reading the log: a turn, a pause, the next turn.

Owns: pausing, back-off, stopping. Does not own: what a turn does (its owner). Next stop: consumers/clock.py, consumers/replayer.py,
consumers/confirmations.py.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.errors import EngineDown
from app.ports import Clock
from consumers.runner import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, Health, pause

log_line = structlog.get_logger(__name__)


async def take_turns(name: str, turn: Callable[[], Awaitable[float]], health: Health, clock: Clock, stop: asyncio.Event) -> None:
    """Takes one turn after the other until `stop` is set; each says how many seconds to pause after it.

    Failure policy: EngineDown pauses, with growing pauses, and goes on in place; anything else ends the loop with that error.
    """
    backoff_s = FIRST_BACKOFF_S
    while not stop.is_set():
        try:
            pause_s = await turn()
            health.trouble, backoff_s = "", FIRST_BACKOFF_S
        except EngineDown as down:
            health.trouble = f"{type(down).__name__}: {down}"
            log_line.warning("turns.engine_down", loop=name, error=type(down).__name__, detail=str(down))
            pause_s, backoff_s = backoff_s, min(backoff_s * 2, LONGEST_BACKOFF_S)
        await pause(clock, stop, pause_s)
