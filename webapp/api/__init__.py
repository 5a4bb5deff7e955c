"""REST at ``/api/v1/``: the same services as the pages, spoken in JSON, problems and bearer tokens."""
