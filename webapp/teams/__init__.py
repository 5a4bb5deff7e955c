"""People, the teams to which everything belongs, and the ways in: passwords, one-time links and API tokens."""
