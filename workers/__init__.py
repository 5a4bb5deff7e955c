"""The processes that compute: they claim runs, drive the engine, and write to the database what came of it."""
