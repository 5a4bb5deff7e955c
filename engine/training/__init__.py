"""Local training of one client or of a whole cohort at once, and evaluation; torch is imported only inside steps."""
