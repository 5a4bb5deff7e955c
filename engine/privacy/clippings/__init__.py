"""Rules for the bound on a client's update, one a file."""
