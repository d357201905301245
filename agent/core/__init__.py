"""The sensing core: bytes in, reports out. Bytes and time are arguments.

What this package keeps:

1. No clock, no I/O, no asyncio, no logging, no randomness: `tests/rules/test_imports.py` holds it to that.
2. A raw address exists only in `Frame.payload` and `Sighting`. It dies inside one call of `Sensor.feed`.
3. The air is never wrong: no frame can raise. What cannot be decoded is counted.
4. Nothing derived from an address outlives its window.
"""
