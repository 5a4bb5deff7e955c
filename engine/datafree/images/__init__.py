"""Images that are sought pixel by pixel, and what they are judged by."""
