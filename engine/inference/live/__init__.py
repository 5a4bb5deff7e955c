"""A plan carried out by real processes, one per device, that send each other real tensors."""
