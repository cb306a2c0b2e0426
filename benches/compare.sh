#!/usr/bin/env bash
# jetfit against PyTorch, JAX and TensorFlow on this machine, in one run: prints the tables of benches/RESULTS.md.
#
# Needs Python 3.11 or later and, for what it installs into target/peers, about 8 GB. Options go to
# benches/peers/compare.py: --cases A,C --threads 1,2 --rounds 3 …
#
# What is installed is for a CPU. With --device gpu start compare.py itself, with a Python that has the frameworks for
# the GPU: a peer whose framework is missing is reported as that.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked
venv=target/peers/venv
if [ ! -e "$venv/ready" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r benches/peers/requirements.txt
    touch "$venv/ready"
fi
exec "$venv/bin/python" benches/peers/compare.py --jetfit target/release/jetfit "$@"
