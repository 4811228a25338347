#!/usr/bin/env bash
# audit_dependencies.sh FILE...: known holes in what is installed from FILE (requirements), as far as they can be known here.
# With the advisory database in reach pip-audit decides, and a hole is an error. Without it this says so, and checks what can
# be checked alone: everything pinned to one version, installed as pinned, and consistent. CASEWORK_AUDIT_STRICT=1 makes a
# database out of reach an error, for the release.
set -euo pipefail
bin=.venv/bin
files=("${@:-requirements.txt}")

arguments=()
for file in "${files[@]}"; do arguments+=(--requirement "$file"); done
said=$(mktemp)
trap 'rm -f "$said"' EXIT

if [[ -x $bin/pip-audit ]]; then
  status=0
  timeout "${CASEWORK_AUDIT_SECONDS:-120}" "$bin/pip-audit" --progress-spinner off --no-deps --disable-pip \
    "${arguments[@]}" >"$said" 2>&1 || status=$?
  # It says "none found" of packages that it could not look up, too.
  skipped=$(grep -c "could not be audited" "$said" || true)
  wanted=$(cat "${files[@]}" | grep -cE "^[A-Za-z0-9].*==" || true)
  if ((status == 0 && skipped == 0)); then
    echo "All $wanted packages were looked up in the advisory database: nothing known."
    exit 0
  fi
  # pip-audit says 1 for a finding and for a failure alike; only a finding has the table or its summary.
  if grep -qE "^Found [0-9]+ known vulnerabilit" "$said"; then
    cat "$said"
    exit 1
  fi
  if ((status == 0)); then
    echo "The advisory database was NOT asked about $skipped of $wanted packages: the index here has no advisories."
  elif ((status == 124)); then
    echo "The advisory database was NOT asked: no answer within ${CASEWORK_AUDIT_SECONDS:-120} seconds."
  else
    echo "The advisory database was NOT asked: $(tail -n 1 "$said" | cut -c1-200)"
  fi
else
  echo "The advisory database was NOT asked: pip-audit is not installed (make check installs it)."
fi
[[ ${CASEWORK_AUDIT_STRICT:-0} == 1 ]] && exit 2

"$bin/python" - "${files[@]}" <<'PYTHON'
"""Every line names one version, and that very version is installed."""
import re
import sys
from importlib.metadata import PackageNotFoundError, version

problems, pinned = [], 0
for name in sys.argv[1:]:
    for number, line in enumerate(open(name, encoding="utf-8"), start=1):
        wanted = line.split("#")[0].strip()
        if not wanted or wanted.startswith("-r "):
            continue
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(\[[a-z,]+\])?==([0-9][A-Za-z0-9.!+]*)", wanted)
        if not found:
            problems.append(f"{name}:{number}: {wanted} is not pinned to one version")
            continue
        try:
            there = version(found[1])
        except PackageNotFoundError:
            there = "nothing"
        if there != found[3]:
            problems.append(f"{name}:{number}: {wanted} is pinned, {there} is installed")
        pinned += 1
print("\n".join(problems) or f"{pinned} packages are pinned to one version and installed as pinned.")
sys.exit(bool(problems))
PYTHON
"$bin/python" -m pip check
