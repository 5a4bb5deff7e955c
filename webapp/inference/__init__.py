"""Pages of distributed inference: plans on their network, what losses of devices come to, filters, requests."""
