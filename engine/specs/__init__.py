"""The one door for specs: text in, a validated experiment or all its problems out."""
