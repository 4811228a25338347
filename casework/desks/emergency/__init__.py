"""Emergency access to one unit's cases (break-glass): stating why, looking, and others' review."""
