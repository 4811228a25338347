"""The auditor's desk: reads everything in her unit, changes nothing, and what she opens is written down."""
