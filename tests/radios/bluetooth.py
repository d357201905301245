"""Bluetooth on simulated controllers."""

CASES = ()
