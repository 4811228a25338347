"""The village desk: find a family, survey it, open a case, do what is due today."""
