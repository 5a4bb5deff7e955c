"""The ways to split a data set over clients, one a file."""
