"""Help pages made from the registries and catalogues, and the shell that every page shares."""
