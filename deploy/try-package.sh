#!/usr/bin/env bash
# Packs Almoner, installs the package in an empty directory as anybody would, and runs the demo from it, with each
# version of Node that is named: deploy/try-package.sh 20 22 24
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# PostgreSQL does not run as root: its user has to pass.
chmod 755 "$place"
npm pack --silent --pack-destination "$place" >/dev/null
platform=$(node -p 'process.platform + "-" + process.arch')

for version in "$@"; do
  mkdir -p "$place/node-$version" "$place/app-$version"
  cd "$place/node-$version"
  npm install --silent --no-save --prefix . "node-$platform@$version"
  export PATH=$place/node-$version/node_modules/node-$platform/bin:$PATH
  cd "$place/app-$version"
  echo "Node $(node --version)"
  npm init --yes >/dev/null
  npm install --silent "$place"/almoner-*.tgz
  npx almoner demo 2>&1 | tail -6
done
