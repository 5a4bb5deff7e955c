"""Images from a generator that learns beside the student."""
