"""The studies, one module each with its ``STUDY``; the specs that it runs lie beside it."""
