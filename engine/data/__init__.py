"""Data sets, how they are split over clients, and the store that fetches and caches their files."""
