"""The fleet: which sensors there are, what settings they shall have, and how those get to them."""
