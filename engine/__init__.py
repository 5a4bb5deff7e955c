"""The Edgeloom engine: experiments in distributed deep learning, free of any web framework.

Import direction inside the engine (upper may import lower, never sideways or up)::

    runs > specs > pipeline > federated | inference > datafree > emulation > training > task
         > costs > fleet | network | data | models > privacy | encodings > core
"""
