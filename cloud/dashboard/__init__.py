"""Dashboard: the pages of a shop, rendered on the server.

1. A page shows the same `Today` that the API serves; it asks no database anything.
2. Every number stands with its range, links to its definition, and can be read as text: no chart without a
   table, no meaning by colour alone, nothing that needs JavaScript.
3. Undefined is "-" with the reason, never 0. What was not listened to is drawn as a hole.
4. A page loads from its own origin, has no script or style within it, and stays under 200 kB.
"""

from cloud.dashboard.pages import pages

__all__ = ["pages"]
