#!/usr/bin/env bash
# The 22 tasks of PINNacle (arXiv 2306.08827), each from a job in examples/pinnacle, 150 s at most on 2 cores:
#
#     benches/pinnacle.sh BENCHMARK [TASK...]
#
# BENCHMARK is a checkout of github.com/i207M/PINNacle, whose folder ref/ holds the reference data (some of it by Git
# LFS: `git lfs pull`). None of it is part of this repository. What is missing there is computed anew. Python 3 with NumPy is needed.
set -euo pipefail
benchmark=$(realpath "${1:?the directory of a checkout of github.com/i207M/PINNacle}")
shift
cd "$(dirname "$0")/.."

jetfit=${JETFIT:-target/release/jetfit}
[ -x "$jetfit" ] || cargo build --locked --release
data=examples/pinnacle/data
[ -e "$data/.done" ] || { ${PYTHON:-python3} benches/pinnacle/prepare.py "$benchmark" "$data" >&2 && touch "$data/.done"; }
${PYTHON:-python3} benches/pinnacle/run.py "$jetfit" "${SECONDS_EACH:-150}" "${THREADS:-2}" "$@"
