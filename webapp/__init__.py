"""The web platform: pages, REST API, live sockets and the database that is the truth about every run."""
