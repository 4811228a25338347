"""How each programme goes, for everybody who works with it: chart, table, downloads."""
