#!/usr/bin/env bash
# Installs what the tests need and runs them all: unit, integration, documentation. GPU tests run on
# whatever Vulkan, Metal or DX12 adapter there is; on Debian without one, Mesa's software Vulkan
# (llvmpipe) is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

has_vulkan() {
    # Not grep -q: it would stop reading, and pipefail take ldconfig's broken pipe for an answer.
    ldconfig -p 2>/dev/null | grep 'libvulkan\.so\.1' >/dev/null &&
        compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null
}

if [ "$(uname -s)" = Linux ] && ! has_vulkan && command -v apt-get >/dev/null; then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    echo "tests: installing mesa-vulkan-drivers (software Vulkan)"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
        mesa-vulkan-drivers libvulkan1 >/dev/null
fi

# What is exported is compiled and run: by the C compiler that Rust links with, and by Python with NumPy and onnxruntime.
if [ -z "${JETFIT_PYTHON:-}" ]; then
    environment="${CARGO_TARGET_DIR:-target}/python"
    if [ ! -x "$environment/bin/python" ]; then
        echo "tests: installing numpy and onnxruntime into $environment"
        python3 -m venv "$environment"
        "$environment/bin/pip" install --quiet --disable-pip-version-check numpy onnxruntime
    fi
    JETFIT_PYTHON="$(cd "$environment" && pwd)/bin/python"
    export JETFIT_PYTHON
fi

# Mesa says where there is no display; no test needs one.
export NODEVICE_SELECT=1

cargo test --release --locked "$@"
