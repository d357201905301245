"""The sensor: hears, forgets, counts, and hands the counts over."""
