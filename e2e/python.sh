#!/usr/bin/env bash
# Prints a Python that LocalStack runs on, or says what is needed and fails.
#
# It is often not the one that python3 means: LocalStack wants 3.12 or newer. And a name on PATH proves nothing, since
# version managers put stand-ins there for versions that are not chosen; so each candidate is run.
set -euo pipefail

suits() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

if [[ -n ${E2E_PYTHON:-} ]]; then
  if suits "$E2E_PYTHON"; then
    echo "$E2E_PYTHON"
    exit
  fi
  echo "E2E_PYTHON=$E2E_PYTHON is no Python 3.12 or newer with its modules venv and ensurepip." >&2
  exit 1
fi

# 3.13 first, then 3.12: the versions in localstack/constraints.txt were tried with these. Whatever is newer may lack
# their wheels, and is taken when there is nothing else.
candidates=()
for minor in 13 12; do
  candidates+=("python3.$minor")
  for installed in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python; do
    candidates+=("$installed")
  done
done
candidates+=(python3 python)

for candidate in "${candidates[@]}"; do
  if path=$(command -v "$candidate") && suits "$path"; then
    echo "$path"
    exit
  fi
done

cat >&2 <<END
The end-to-end tests run on LocalStack, which needs Python 3.12 or newer (3.13 is best) with its modules venv and
ensurepip. None was found: not as python3.13, python3.12, python3 or python on PATH, nor below
${PYENV_ROOT:-$HOME/.pyenv}. What python3 means here: $(python3 --version 2>&1 | head -n 1 || true)

Install one beside the Python that is there, it takes nobody's place:
  Debian, Ubuntu   apt-get install python3.13 python3.13-venv  (or 3.12, whichever the release has)
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
  pyenv            pyenv install 3.13
or name one that lies elsewhere: make e2e E2E_PYTHON=FILE
All other tests need no Python: make unit
END
exit 1
