"""What an administrator says that somebody has approved, and she confirms or refuses herself: one list."""
