#!/usr/bin/env bash
# Money under torture, in scratch databases on the embedded server; arguments go to `python -m tests.torture` (--help). Before
# that, without arguments, everybody asks everything (tests/authorisation).
set -euo pipefail
unset DATABASE_URL
.venv/bin/python manage.py collectstatic --no-input --verbosity 0  # the pages of the web servers that are killed name its files
.venv/bin/python manage.py db start
[ $# -gt 0 ] || CASEWORK_DEMO=0 .venv/bin/python -m pytest -m torture tests/authorisation
exec .venv/bin/python -m tests.torture "$@"
