"""One's own account: the second factor, where one is signed in."""
