"""Migrations: numbered steps from any older database to this program's. Steps are added, never edited."""
