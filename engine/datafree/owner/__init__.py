"""What the owner of the data does: statistics, their release, and the file that holds them."""
