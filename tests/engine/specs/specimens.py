"""Specs that the tests of the door start from."""

SMALL = """
version: 1
name: Small
seeds: [0, 1]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 6}, {name: phones, device: phone_mid_sd765g, count: 4}]}
network: {topology: {kind: star}, links: {boards: wifi4_linux, phones: lte4g_modern}, backhaul: wan_fibre}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: dirichlet, alpha: 0.5}
  model: {kind: mlp, hidden: [16]}
  strategy: {kind: fedprox, mu: 0.1}
  sampler: {kind: uniform, num_clients: 5}
  local: {epochs: 1, batch_size: 16, lr: 0.1}
  rounds: 3
"""

LEAST = "fleet: {}\ntask: {kind: federated, dataset: {kind: digits}}\n"
