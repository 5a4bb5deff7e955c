"""What a finished run would cost elsewhere, and where its time, energy and bytes went, from its trace."""
