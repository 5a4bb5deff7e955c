"""How a network comes apart: pieces, shares of tensors, exits, and their execution one by one."""
