#!/usr/bin/env bash
# All tests against the embedded database; more arguments go to pytest.
set -euo pipefail
unset DATABASE_URL CELERY_BROKER_URL
export CASEWORK_DEMO=0
export PGOPTIONS="-c synchronous_commit=off"  # nobody misses the last commit of a test after a power cut
mkdir -p "${CASEWORK_DATA_DIR:-data}/static"  # else whitenoise warns in every test that asks for a page
.venv/bin/python manage.py db start
# Tests that share a server or a port are marked xdist_group and stay with one worker.
exec .venv/bin/python -m pytest -m "not services and not torture" --numprocesses 2 --dist loadgroup "$@"
