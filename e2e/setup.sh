#!/usr/bin/env bash
# Makes what the end-to-end tests run against, where it is missing: a Kubernetes API server, a cloud, and what knows which
# templates CloudFormation takes. Needs Go, and a Python that python.sh finds. All are kept below .cache/e2e under names that say what they were made from, so that a
# change makes new ones and going back to another branch finds its own; the names without a hash are what the tests use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cache=$PWD/../.cache/e2e
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# The hash of some files, and of what else the result depends on.
hash_of() {
  { git hash-object -- "${@:2}" && echo "$1"; } | git hash-object --stdin | cut -c 1-12
}

# The name that the tests know for what was made.
use() {
  ln -sfn "$(basename "$2")" "$cache/$1"
}

kubeapi() {
  local made started=$SECONDS version
  made=$cache/kubeapi-$(hash_of "$(go env GOVERSION GOOS GOARCH)" kubeapi/main.go kubeapi/go.mod kubeapi/go.sum)
  if [[ ! -x $made ]]; then
    echo "building a kube-apiserver for the end-to-end tests; from empty caches that takes some minutes, once"
    version=$(go -C kubeapi list -m -f '{{.Version}}' k8s.io/kubernetes)
    # Without the values a server calls itself v0.0.0-master+$Format:%H$, and clients that read versions stumble.
    IFS=. read -r major minor _ <<<"${version#v}"
    local set_version=-X\ k8s.io/component-base/version.git
    go -C kubeapi build -trimpath -o "$made.$$" \
      -ldflags "-s -w ${set_version}Version=$version ${set_version}Major=$major ${set_version}Minor=$minor" .
    mv "$made.$$" "$made"
    echo "built in $((SECONDS - started)) s"
  fi
  use kubeapi "$made"
}

# Makes a virtual environment from the requirements in the folder of its name; the other arguments are all the files that
# say what is in it.
python_with() {
  local name=$1 made started=$SECONDS python
  python=$(./python.sh)
  made=$cache/$name-$(hash_of "$("$python" --version)" "${@:2}")
  # A virtual environment knows its own path, so it is made in place, and the stamp says that it is whole.
  if [[ ! -f $made/complete ]]; then
    echo "installing $name for the end-to-end tests, with $python; up to some minutes, once"
    rm -rf "$made"
    "$python" -m venv "$made"
    "$made/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$name/requirements.txt"
    touch "$made/complete"
    echo "installed in $((SECONDS - started)) s"
  fi
  use "$name" "$made"
}

# Before the build: that something must be installed first is better heard at once than after some minutes.
./python.sh >/dev/null
kubeapi
python_with localstack localstack/requirements.txt localstack/constraints.txt
python_with cfnlint cfnlint/requirements.txt
