"""Succession: the next certificate, asked for in time over the line that the one before still opens.

1. It is due when a third of the certificate's life is left. Each sensor asks a little earlier, by a share of its own:
   those that were claimed together do not ask together.
2. Who gets none asks again: after a tenth of what is left, at most a day, at least ten minutes; without any answer
   within the hour. Why there was none is said once.
3. The library that makes and checks certificates takes 13 MB; it is loaded when one is due, and not before.
"""

import logging
import math
from pathlib import Path

from agent import validity
from agent.contract import ContractError, Renewal, Renewed, decode
from agent.site import PAIR

log = logging.getLogger("footfall.succession")

_LEFT, _EARLIER = 1 / 3, 1 / 15  # of the life
_SOONEST_S, _UNANSWERED_S, _LATEST_S = 600.0, 3600.0, 86_400.0


def due_at(begins: float, ends: float, share: float) -> float:
    """When a certificate of that life is to be replaced, UTC seconds; `share`: of this sensor, 0 to 1."""
    return ends - (ends - begins) * (_LEFT + _EARLIER * share)


def again_s(left_s: float, *, answered: bool) -> float:
    """After how many seconds to ask again, with so many left until the certificate expires."""
    return min(max(left_s / 10, _SOONEST_S), _LATEST_S if answered else _UNANSWERED_S)


class Succession:
    """For the identity in `folder`, of `sensor`, on the board of that mark. `switched`: a newer certificate is in place
    than the connection was made with. Times are UTC seconds."""

    def __init__(self, folder: Path, sensor: str, board: str) -> None:
        self._folder, self._sensor, self._board = folder, sensor, board
        self._share = int(board, 16) / 2**64
        self._asks = False
        self._refused = ""
        self.switched = False
        self._ends, self._at = self._plan()

    def due(self, now: float) -> Renewal | None:
        """What to ask the cloud now; None while there is nothing to be asked."""
        if now < self._at:
            return None
        from agent import identity  # noqa: PLC0415

        self._at, self._asks = now + again_s(self._ends - now, answered=False), True
        try:
            identity.tidy(self._folder)
            request = identity.request(self._folder, self._board)
        except identity.IdentityError as error:
            self._say(str(error))
            return None
        return Renewal(sensor=self._sensor, request=request)

    def take(self, payload: bytes, now: float) -> None:
        """What the cloud answered: put the next certificate in place, or say why there is none."""
        if not self._asks:
            return  # somebody sends it though nobody asked, or sends it again
        from agent import identity  # noqa: PLC0415

        try:
            told = decode(Renewed, payload)
            if not told.certificate:
                raise identity.IdentityError(told.reason or "the cloud does not say why")
            identity.take(self._folder, told.certificate, self._sensor, now)
            identity.tidy(self._folder)
        except (ContractError, identity.IdentityError) as error:
            self._at = now + again_s(self._ends - now, answered=True)
            self._say(str(error))
            return
        self._asks, self._refused, self.switched = False, "", True
        self._ends, self._at = self._plan()
        log.info("the next certificate is in place")

    def connected(self) -> None:
        """A connection begins, with what is in place now."""
        self.switched = False

    def _plan(self) -> tuple[float, float]:
        """When the certificate in place ends, and when to ask for the next; never where there is none."""
        life = validity.life(self._folder / PAIR)
        return (math.inf, math.inf) if life is None else (life[1], due_at(*life, self._share))

    def _say(self, why: str) -> None:
        if why != self._refused:
            log.warning("there is no next certificate yet: %s", why)
        self._refused = why
