"""Cases of the close relatives of those who work here: found, flagged, decided higher up, visited by the county, kept apart."""
