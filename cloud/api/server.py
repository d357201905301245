"""Server: uvicorn, which stops at once even while pages are watching.

uvicorn waits for open responses before it tells the application to shut down, and a stream of events is open
for as long as its page is. So the streams are ended first.
"""

import socket

import uvicorn

from cloud.api.live import Live


class Server(uvicorn.Server):
    """A uvicorn server that closes `live` when it begins to stop, whatever made it stop."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then do what uvicorn does."""
        self._live.close()
        await super().shutdown(sockets)
