"""The desks of the township and of the county: what waits, the review of one case, and what must not be overlooked."""
