#!/usr/bin/env bash
# Money under torture, in scratch databases on the embedded server; arguments go to `python -m tests.torture` (--help).
set -euo pipefail
unset DATABASE_URL
mkdir -p "${CASEWORK_DATA_DIR:-data}/static"  # else whitenoise warns in every server that is started
.venv/bin/python manage.py db start
exec .venv/bin/python -m tests.torture "$@"
