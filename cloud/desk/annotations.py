"""Annotations: what people of a shop note at a date, listed, written and taken back."""

from collections.abc import Callable
from datetime import date

from msgspec.structs import replace

from cloud.core.annotation import Annotation, tidied
from cloud.core.written import date_of
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.annotations import Annotations as Kept


class Annotations:
    """The notes of `tenant`'s shops in `store`. Methods raise UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._kept, self._tenant = Kept(store), tenant
        self._reader = Reader(store, tenant, clock)

    def between(self, shop_id: str, first: date, last: date) -> list[Annotation]:
        """The notes at the local dates `first` to `last`, both included, by date."""
        return self._kept.between(self._tenant, self._reader.shop(shop_id).shop, first, last)

    def put(self, shop_id: str, told: Annotation) -> Annotation:
        """Write a note, or write it anew; returns it as it is kept.

        Raises Refusal for a date that is none or lies outside 1971 to 9998, and for a text that is empty or too long.
        """
        shop = self._reader.shop(shop_id).shop
        kept = replace(told, date=date_of("date", told.date).isoformat(), text=tidied(told.text))
        self._kept.put(self._tenant, shop, kept)
        return kept

    def delete(self, shop_id: str, annotation_id: str) -> None:
        """Take a note back; nothing where there is none of that id."""
        self._kept.delete(self._tenant, self._reader.shop(shop_id).shop, annotation_id)
