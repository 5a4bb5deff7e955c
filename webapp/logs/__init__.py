"""Log lines: one JSON object each in the platform's folder, plain text for people, one id from request to run."""
