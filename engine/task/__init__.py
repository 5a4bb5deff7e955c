"""The task contract: the pure step function that estimates, shards, emulation, cancel and resume share.

Tasks whose work is jobs that follow each other have their step from here, and their surveys of the test samples.
"""
