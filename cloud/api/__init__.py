"""The HTTP API: what a shop's numbers are, for the page and for anyone else alike.

1. It serialises only disclosed figures: whole people, bounds rounded outward. What people tell is taken whole or not
   at all, and telling it twice is telling it once.
2. Times are UTC seconds since 1970, dates are the shop's own; null is "undefined", never zero. A gap is an
   item with nulls and coverage 0, so that nobody has to notice what is missing.
3. The types in `cloud.core` are the bodies: the description at `/openapi.json` is made from them.
4. An error is `{"error": "<one sentence that says what to do>"}`, with the status that fits.

`cloud.app` composes it: `web.mount("/api/v1", routes(reader, live))`, `SecurityHeaders` and
`OwnOrigin` around everything, and `Server` in place of uvicorn's own, so that it stops while pages are watching.
"""

from cloud.api.headers import SecurityHeaders
from cloud.api.live import Live
from cloud.api.origin import OwnOrigin
from cloud.api.routes import routes
from cloud.api.server import Server

__all__ = ["Live", "OwnOrigin", "SecurityHeaders", "Server", "routes"]
