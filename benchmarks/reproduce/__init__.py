"""Long studies: run in legs that can be cut off, recorded cell by cell, told on a page that names what is missing."""
