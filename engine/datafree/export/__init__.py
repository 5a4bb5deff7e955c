"""Models as files that run elsewhere, each loaded again and compared."""
