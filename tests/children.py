"""Children: work done in a process of its own, that is killed in the middle of it."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.conftest import ROOT

AGENT = str(ROOT / "agent")


def in_a_child(work: Callable[[], object], *, kill_at: int | None = None) -> bool:
    """Run `work` in a process of its own, killed at the `kill_at`-th line of the agent; whether it came to its end.

    What `work` gives is not closed in order.
    """
    child = os.fork()
    if child == 0:
        lines = 0

        def trace(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal lines
            if not frame.f_code.co_filename.startswith(AGENT):
                return None
            lines += event == "line"
            if lines == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            sys.settrace(trace if kill_at else None)
            _kept = work()
            sys.settrace(None)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, f"the child ended with {status}"
    return status == 0
