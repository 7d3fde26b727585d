# Shared by run and nightly: one step per line, each with its time.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CGO_ENABLED=${CGO_ENABLED:-0} GOFLAGS=${GOFLAGS:-}

started=$SECONDS

# step NAME COMMAND… runs the command and says how long it took.
step() {
  local name=$1 from=$SECONDS
  shift
  echo "=== $name: $*"
  if "$@"; then
    echo "--- $name: $((SECONDS - from)) s, $((SECONDS - started)) s in all"
  else
    local status=$?
    echo "--- $name: FAILED after $((SECONDS - from)) s with status $status" >&2
    exit "$status"
  fi
}

# formatted prints files that gofumpt would change, and fails if there are any.
formatted() {
  local out
  out=$(git ls-files -z '*.go' | xargs -0 go tool gofumpt -l)
  [ -z "$out" ] || { echo "gofumpt -w these:"; echo "$out"; return 1; } >&2
}

# generated fails when go generate changes a tracked file.
generated() {
  go generate ./...
  git diff --exit-code
}

# raced runs packages with goroutines of their own under the race detector,
# which needs cgo and so a C compiler: without one it says so and goes on. The
# invariants of the machines are checked there too.
raced() {
  if ! command -v "${CC:-gcc}" >/dev/null; then
    echo "no C compiler: the race detector is skipped" >&2
    return 0
  fi
  local found
  # Packages that are not there yet give a warning, not an error.
  found=$(go list ./internal/device/... ./internal/peer/... ./internal/node/... ./client/... ./internal/core/txn/... 2>/dev/null)
  # shellcheck disable=SC2086
  CGO_ENABLED=1 go test -race -short -tags invariants $found
}

# fuzzed SECONDS runs all fuzz targets, one after the other, each for its share
# of that time: a further target must not make every check longer. Making
# interesting inputs small is cut short: else it takes most of the time.
fuzzed() {
  local list pkg target share
  list=$(fuzz_targets)
  share=$(($1 / $(wc -l <<<"$list")))s
  while read -r pkg target; do
    echo "fuzz $pkg $target for $share"
    go test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$share" -fuzzminimizetime 10x
  done <<<"$list"
}

# fuzz_targets prints "package FuzzName" for each target.
fuzz_targets() {
  local pkg
  for pkg in $(git grep -lE '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do
    go test -list '^Fuzz' "./$pkg" | awk -v pkg="./$pkg" '/^Fuzz/ { print pkg, $1 }'
  done
}

# in_lab LENGTH TIMEOUT runs the scenarios in network namespaces. They need two
# programs, which are installed when they are missing and this is a Debian.
in_lab() {
  if ! { command -v ip && command -v nft; } >/dev/null && command -v apt-get >/dev/null; then
    (apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends iproute2 nftables) >/dev/null
  fi
  FOCI_LAB=$1 go test -count=1 -parallel 4 -timeout "$2" ./test/lab
}

# mutated runs each rule's test with the rule on, and with it switched off, where
# the test must fail.
mutated() { FOCI_MUTANTS=run go test -count=1 -timeout 15m ./test/mutants; }

# reproducible builds the binary from two copies of the tracked files, in folders
# of other names, and wants the same bytes. With "cold" the second build shares
# no cache with the first.
reproducible() {
  local at same
  at=$(mktemp -d)
  mkdir -p "$at/one" "$at/two/deeper"
  git ls-files -z | tar --null -T - -c | tee >(tar -x -C "$at/one") | tar -x -C "$at/two/deeper"
  (cd "$at/one" && go build -trimpath -buildvcs=false -o "$at/a" ./cmd/foci)
  (
    cd "$at/two/deeper"
    [ "${1:-}" != cold ] || export GOCACHE=$at/cache
    go build -trimpath -buildvcs=false -o "$at/b" ./cmd/foci
  )
  same=0
  cmp "$at/a" "$at/b" || same=1
  mkdir -p dist
  mv "$at/a" dist/foci
  rm -rf "$at"
  return $same
}

# bill writes the bill of materials of the binary that reproducible left,
# dist/foci.cdx.json (CycloneDX), wants each module of the binary in it, and
# lists the direct dependencies for which there is something newer.
bill() {
  local mod version rest
  go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -std -output dist/foci.cdx.json dist/foci || return 1
  go version -m dist/foci | awk '$1 == "dep" { print $2, $3 }' | while read -r mod version rest; do
    grep -qF "\"pkg:golang/$mod@$version" dist/foci.cdx.json || { echo "$mod $version is not in the bill of materials" >&2; return 1; }
  done || return 1
  go list -m -u -f '{{if not .Indirect}}{{if .Update}}{{.Path}} {{.Version}}: {{.Update.Version}} is there{{end}}{{end}}' all
}
