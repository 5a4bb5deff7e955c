"""Real execution beside the simulator: one process and one network namespace per device, links emulated packet by
packet, the same traces. It takes workloads as traces and knows no task.
"""
