"""How good the simulator is: what was predicted beside what real execution took."""
