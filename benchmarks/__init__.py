"""Measurements of what the design promises to be quick. `manage.py bench act|queue|import|verify`; see README.md."""
