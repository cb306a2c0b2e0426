#!/usr/bin/env bash
# Builds the wheel, installs it into a fresh environment, and runs the tests and the examples there. PYTHON chooses the
# interpreter; arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python="${PYTHON:-python3}"
"$python" -m venv "$work/venv"
bin="$work/venv/bin"
"$bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.9,<2' numpy pandas 'scikit-learn>=1.6' pytest

# The dependencies are compiled where those of the program are, once for an interpreter that stays where it is.
"$bin/maturin" build --release --locked --quiet --interpreter "$python" --out "$work/wheels"
"$bin/pip" install --quiet --disable-pip-version-check --no-deps "$work"/wheels/*.whl

# From elsewhere, so that nothing but what is installed can be imported.
here="$PWD"
cd "$work"
"$bin/python" -m pytest --quiet -p no:cacheprovider --rootdir "$here" "$here/tests" "$@"
for example in "$here"/examples/*.py; do
    echo "example $(basename "$example")"
    "$bin/python" "$example" >"$work/out.txt" || { cat "$work/out.txt"; exit 1; }
done
