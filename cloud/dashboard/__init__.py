"""The pages: a shop's numbers as a person reads them, in the language of whoever asks.

1. Every number has its range beside it and its definition one tap away; what is not known is a dash with the reason,
   never zero, and a gap is drawn as one.
2. Templates are rendered on the server from disclosed figures of the desk. A page works without scripts; with them it
   draws its charts, whose tables say the same, and follows the news.
3. Nothing is fetched from anywhere but our own origin: `static/vendor` holds what others wrote.
4. A form that is refused comes back as it was filled in, with one sentence on what to do.
"""

from cloud.dashboard.pages import pages

__all__ = ["pages"]
