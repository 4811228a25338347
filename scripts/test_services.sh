#!/usr/bin/env bash
# The tests that need a PostgreSQL server and a broker which run already: DATABASE_URL and CELERY_BROKER_URL.
set -euo pipefail
export CASEWORK_DEMO=0
.venv/bin/python scripts/services_answer.py
.venv/bin/python -m pytest -m services "$@"
# What leans on the database most, against that server instead of the embedded one, and without a broker.
unset CELERY_BROKER_URL
exec .venv/bin/python -m pytest -m "not services and not browser" --numprocesses 2 --dist loadgroup \
    tests/jobs tests/audit tests/funds tests/test_constraints.py "$@"
