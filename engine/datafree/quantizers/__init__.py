"""The quantizers, one module each."""
