"""Share: a link that shows one shop's pages, and nothing else, to whoever has it, until it ends.

The link holds a random word that is shown once, to whoever makes it. `id` is the SHA-256 of that word: it tells links
apart and ends them, and nobody gets from it to the link.
"""

from typing import Literal, get_args

from msgspec import Struct

Page = Literal["today", "history", "report"]
PAGES: tuple[Page, ...] = get_args(Page)
LONGEST_DAYS = 366
LONGEST_LABEL = 80


class Share(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A link to `pages` of `shop`. `label` says whom it was made for; times are UTC seconds, `expires_at` exclusive."""

    id: str
    shop: str
    label: str
    created_at: int
    expires_at: int
    pages: tuple[Page, ...]

    def holds(self, at: int) -> bool:
        """Whether the link still opens at UTC second `at`."""
        return at < self.expires_at


class NewShare(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A link to be made: whom it is for, for how many days it opens, and what it shows."""

    label: str
    days: int = 30
    pages: tuple[Page, ...] = PAGES


class MadeShare(Struct, frozen=True, kw_only=True):
    """A link that was made. `path` is the link, below this site's address: nobody can show it again."""

    share: Share
    path: str
