"""The Edgeloom engine: experiments in distributed deep learning, free of any web framework.

Import direction inside the engine (upper may import lower, never sideways or up)::

    runs > specs > pipeline > federated | inference > datafree > emulation > training > task
         > costs > fleet | network | data | models > privacy | encodings > core
"""

__version__ = "0.1.0"
"""Version of the engine, the same as in ``pyproject.toml``; every run notes it in its provenance."""
