"""The register of close relatives: everybody's own page, the offices' register, and the cases that are kept apart."""
