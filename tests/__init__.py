"""Tests; the folders mirror the code, beside conformance, architecture, launcher and browser tests."""
