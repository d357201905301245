"""What can be the matter with the store, each one clear sentence for the person who meets it."""


class StoreError(Exception):
    """The database could not be used; the message says which database and what to do."""


class StoreTooNewError(StoreError):
    """The database was written by a newer version of Footfall. Install that version or restore a backup."""


class StoreTooOldError(StoreError):
    """The database was written by an older version of Footfall. Run `footfall-cloud migrate`."""
