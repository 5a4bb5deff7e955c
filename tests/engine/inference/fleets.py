"""Fleets that several tests plan for."""

SENSOR = """
fleet:
  groups:
    - name: sensors
      count: 1
      device:
        {name: Tiny, linear_rate: 1.0e+6, other_rate: 1.0e+6, ram_bytes: 9000, active_power_w: 0.1, idle_power_w: 0.01}
    - {name: boards, count: 3}
    - {name: cloud, device: server_cpu_8t, count: 1}
"""
"""A sensor that is too small for a network of three layers, boards that are not, and a cloud."""
