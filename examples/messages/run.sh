#!/usr/bin/env bash
# Install the SDK beside the example once, then run it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "${ASGARD_ENV:-$here/../../run/env}"
export ASGARD_URL ASGARD_KEY
cd "$here"

if [ ! -d .venv ]; then
    /usr/bin/python3 -m venv .venv
    .venv/bin/pip install --quiet -r requirements.txt
fi
exec .venv/bin/python messages.py
