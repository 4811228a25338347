"""Looking back: a record as it was at a moment, what changed between two, and everything that happened to it."""
