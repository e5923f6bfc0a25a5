#!/usr/bin/env bash
# Does what the Dockerfile says without a container engine, line by line, in a directory of its own: copies what is copied, runs
# what is run, then starts the API as a user who may do nothing, asks its health check, and stops it. It needs Linux, root, and an
# empty database: DATABASE_URL=postgres://… deploy/try-image.sh
# What only an engine can try is not tried: the base image, its file system, its network.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DATABASE_URL:?}"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
stage=$place/build
while read -r instruction rest; do
  case $instruction in
    FROM) if [[ $rest == *' AS build' ]]; then stage=$place/build; else stage=$place/image; fi; mkdir -p "$stage" ;;
    COPY)
      read -ra words <<<"$rest"
      from=$PWD
      if [[ ${words[0]} == --from=build ]]; then from=$place; words=("${words[@]:1}"); fi
      to=${words[-1]}
      for name in "${words[@]::${#words[@]}-1}"; do
        source=$from/${name/#\/almoner/build}
        if [[ -d $source ]]; then mkdir -p "$stage/$to" && cp -r "$source/." "$stage/$to/"; else cp "$source" "$stage/$to"; fi
      done ;;
    RUN) echo "RUN $rest"; (cd "$stage" && bash -c "$rest") ;;
    ENV) environment=$rest ;;
    HEALTHCHECK) health=${rest#*CMD } ;;
    ENTRYPOINT) entrypoint=$rest ;;
    CMD) command=$rest ;;
  esac
done < <(grep -E '^[A-Z]+ ' Dockerfile)

list() { node -p 'JSON.parse(process.argv[1]).map((word) => `'"'"'${word.replaceAll("'"'"'", `'"'"'"'"'"'"'"'"'`)}'"'"'`).join(" ")' "$1"; }
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
cd "$place/image"
du --summarize --human-readable .
env -i PATH="$PATH" DATABASE_URL="$DATABASE_URL" $environment PORT=3998 $as_nobody bash -c "exec $(list "$entrypoint") $(list "$command")" &
api=$!
for _ in $(seq 60); do eval "$(list "$health")" 2>/dev/null && break; sleep 1; done
eval "$(list "$health")" && echo 'The health check finds it well.'
kill -TERM $api
wait $api || { echo "It ended with $?."; exit 1; }
echo 'It ended by itself.'
