"""How devices, gateways and the server are connected: links, topologies, and routes as columns."""
