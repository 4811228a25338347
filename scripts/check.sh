#!/usr/bin/env bash
# check.sh PATH...: everything that is found without running the program.
set -euo pipefail
bin=.venv/bin
"$bin/ruff" check "$@"
"$bin/ruff" format --check "$@"
"$bin/lint-imports"
"$bin/python" manage.py check
"$bin/python" manage.py db start
"$bin/python" manage.py makemigrations --check --dry-run
