#!/usr/bin/env bash
# Lays out deploy/package, what the template gives to Lambda: the built code with what it needs at run time, and
# without the embedded PostgreSQL. Then, in this directory: sam deploy --guided
set -euo pipefail
cd "$(dirname "$0")/.."

npm run build
rm -rf deploy/package
mkdir deploy/package
cp -r dist migrations package.json package-lock.json deploy/package/
cd deploy/package
npm ci --omit=dev --omit=optional --ignore-scripts
