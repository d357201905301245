"""The cloud: takes reports, stores them once, and turns them into a shop's numbers."""
