#!/usr/bin/env bash
# The tests that need a PostgreSQL server and a broker which run already: DATABASE_URL and CELERY_BROKER_URL.
set -euo pipefail
export CASEWORK_DEMO=0
.venv/bin/python scripts/services_answer.py
.venv/bin/python -m pytest -m services "$@"
# What leans on the database most, against that server instead of the embedded one, and without a broker: laws, triggers, locks
# and the texts that are hashed. Files of banks, bundles and pages are the same on any server, and `make test` has asked them.
unset CELERY_BROKER_URL
exec .venv/bin/python -m pytest -m "not services and not browser and not torture" --numprocesses 2 --dist loadgroup \
    tests/jobs tests/test_constraints.py tests/casework/test_{roles,second_net}.py \
    tests/audit/test_{append_only,bulk,bypass,checkpoints,sets,tampering_classes}.py \
    tests/funds/test_{budget,county_laws,freezing,imprest,laws_that_stand,ledger,payment_laws,periods,stock}.py "$@"
