#!/usr/bin/env bash
# Install the SDK beside the example once, then run it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "${ASGARD_ENV:-$here/../../run/env}"
export ASGARD_URL ASGARD_KEY
cd "$here"

[ -d node_modules ] ||
    npm install --silent --no-audit --no-fund --no-package-lock
exec node chat.mjs
