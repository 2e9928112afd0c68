#!/usr/bin/env bash
# Makes what the end-to-end tests run against, where it is missing: a Kubernetes API server and a kubectl, a cloud, what knows
# which templates CloudFormation takes, and the image; or the image only: setup.sh image. Needs Go, a Python that python.sh finds,
# and buildah. All are kept below .cache/e2e under names that say what they were made from, so that a change makes new ones
# and going back to another branch finds its own; the names without a hash are what the tests use.
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

# Builds a command from the module kubeapi. The other arguments are its package, and the files besides go.mod that say what
# it is.
kubernetes() {
  local name=$1 package=$2 made started=$SECONDS version major minor
  made=$cache/$name-$(hash_of "$(go env GOVERSION GOOS GOARCH)" kubeapi/go.mod kubeapi/go.sum "${@:3}")
  if [[ ! -x $made ]]; then
    echo "building $name for the end-to-end tests; from empty caches that takes some minutes, once"
    version=$(go -C kubeapi list -m -f '{{.Version}}' k8s.io/kubernetes)
    # Without the values a server calls itself v0.0.0-master+$Format:%H$, and clients that read versions stumble.
    IFS=. read -r major minor _ <<<"${version#v}"
    local set_version=-X\ k8s.io/component-base/version.git
    go -C kubeapi build -trimpath -o "$made.$$" \
      -ldflags "-s -w ${set_version}Version=$version ${set_version}Major=$major ${set_version}Minor=$minor" "$package"
    mv "$made.$$" "$made"
    echo "built in $((SECONDS - started)) s"
  fi
  use "$name" "$made"
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

# There are no sources of buildah that a Go proxy has in one piece, so it is the one tool that is installed into the system.
need_buildah() {
  if command -v buildah >/dev/null; then
    return
  fi
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "the end-to-end tests run the image, and buildah builds it: install it first (Debian, Ubuntu: sudo apt-get install buildah)" >&2
    return 1
  fi
  echo "installing buildah, which builds the image for the end-to-end tests; once"
  local install=(apt-get install -qq -y --no-install-recommends buildah)
  DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
  }
}

# The files that the program is made from, as the go command knows them.
sources() {
  GOOS=linux go list -C .. -deps -f '{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range $.EmbedFiles}}{{$.Dir}}/{{.}}
{{end}}{{end}}{{end}}' ./cmd/kube-static-egress-controller
}

# The image for both platforms, as a folder in the layout of OCI. Only the newest is kept: it is large, and quickly made.
image() {
  local made started=$SECONDS store files
  need_buildah
  mapfile -t files < <(sources)
  [[ ${#files[@]} -gt 1 ]] || { echo "the go command lists no sources" >&2; return 1; }
  made=$cache/image-$(hash_of "$(go env GOVERSION)" "${files[@]}" ../go.mod ../go.sum ../Dockerfile ../.dockerignore ../deploy/*.sh setup.sh)
  if [[ ! -f $made/index.json ]]; then
    echo "building the image for the end-to-end tests; from an empty cache that takes some minutes"
    store=$(mktemp -d "$cache/buildah.XXXXXX")
    trap "rm -rf '$store'" EXIT # nothing is left of buildah but what it made
    local name=kube-static-egress-controller:e2e
    HERE=1 WITH=buildah STORE=$store IMAGE=$name PLATFORM=linux/amd64,linux/arm64 VERSION=v0.0.0-e2e \
      ../deploy/image.sh >"$store/log" 2>&1 || { cat "$store/log" >&2; return 1; }
    buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs \
      manifest push --quiet --all "$name" "oci:$store/made"
    rm -rf "$cache"/image-*
    mv "$store/made" "$made"
    echo "built in $((SECONDS - started)) s"
  fi
  use image "$made"
}

case ${1-all} in
  all)
    # Before the build: that something must be installed first is better heard at once than after some minutes.
    ./python.sh >/dev/null
    need_buildah
    kubernetes kubeapi . kubeapi/main.go
    kubernetes kubectl k8s.io/kubernetes/cmd/kubectl
    python_with localstack localstack/requirements.txt localstack/constraints.txt
    python_with cfnlint cfnlint/requirements.txt
    image
    ;;
  image) image ;;
  *)
    echo "$0: all or image, not $1" >&2
    exit 1
    ;;
esac
