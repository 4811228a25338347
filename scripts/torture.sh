#!/usr/bin/env bash
# Money under torture, in scratch databases on the embedded server; arguments go to `python -m tests.torture` (--help). Before
# that, without arguments: everybody asks everything (tests/authorisation), every way of tampering fifty times and damaged
# bundles (tests/audit), 200,000 odd requests, large and spoilt files (tests/fuzz), and whether tests stand on the schema that migrations
# make (tests/test_databases.py).
set -euo pipefail
unset DATABASE_URL
.venv/bin/python manage.py collectstatic --no-input --verbosity 0  # the pages of the web servers that are killed name its files
.venv/bin/python manage.py db start
[ $# -gt 0 ] || CASEWORK_DEMO=0 .venv/bin/python -m pytest -m torture tests/authorisation tests/audit tests/fuzz tests/test_databases.py
exec .venv/bin/python -m tests.torture "$@"
