"""Pure arithmetic on reports: no clock, no I/O, no database. Reports and time are arguments.

What every figure here keeps:

1. It carries its interval, its coverage and the version of its definition; undefined is null, never 0.
2. Rollups are functions of the raw reports alone, whatever order or number of times those arrived in.
3. A gap is a gap: nothing is extrapolated over time that was not listened to.
"""
