"""What pruners share: channels that go together, and what stands in for them."""
