"""Which devices may be lost, and how a plan meets that."""
