"""The definitions of all figures, word for word as page and API show them.

A definition that changes gets a new version and a new entry; the old one stays, because figures computed by it stay.
"""

from cloud.core.definitions.compared import COMPARED
from cloud.core.definitions.counted import COUNTED
from cloud.core.definitions.definition import Definition
from cloud.core.definitions.panel import PANEL
from cloud.core.definitions.traded import TRADED

DEFINITIONS = (*COUNTED, *TRADED, *COMPARED, *PANEL)

__all__ = ["DEFINITIONS", "Definition"]
