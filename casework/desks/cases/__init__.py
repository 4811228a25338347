"""The case page that every desk shares: one case's whole story, the acts that are possible, the family behind it."""
