#!/usr/bin/env bash
# Builds the image with docker, podman or buildah, whichever is there: make image, with any of these variables.
#
#   IMAGE     what it is called; kube-static-egress-controller:dev
#   PLATFORM  for which machines; this one's. linux/amd64,linux/arm64 makes one name for both (docker needs its
#             containerd image store for that)
#   VERSION   what the program calls itself; what the go command stamps, from the history
#   BUILDER   the image that has Go, instead of the Dockerfile's
#   GOPROXY   where the builder gets Go modules from
#   HERE=1    no registry can be reached: the Go that is on this machine builds, and nothing is pulled
#   WITH      docker, podman or buildah, where several are there
#   STORE     a folder for all that buildah keeps, instead of its own place
#
# Equal sources, and an equal VERSION, give an equal image for each platform; in which order a list names them, buildah leaves to
# chance.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

image=${IMAGE:-kube-static-egress-controller:dev}

fail() {
  printf '%s: %s\n' "$0" "$1" >&2
  exit 1
}

# What this machine is called in the names of platforms.
machine() {
  case $(uname -m) in
    x86_64 | amd64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) fail "no image is made for a machine that is $(uname -m): say for which, PLATFORM=linux/amd64" ;;
  esac
}

# A docker without an engine is what many machines have, and it builds nothing.
tool() {
  if command -v docker >/dev/null && docker version >/dev/null 2>&1; then
    echo docker
  elif command -v podman >/dev/null; then
    echo podman
  elif command -v buildah >/dev/null; then
    echo buildah
  else
    fail "there is no docker with an engine that answers, no podman and no buildah: install one of them"
  fi
}

with=${WITH:-$(tool)}
platform=${PLATFORM:-linux/$(machine)}
args=(--file Dockerfile --platform "$platform" --build-arg "VERSION=${VERSION-}")
[[ -z ${BUILDER-} ]] || args+=(--build-arg "BUILDER=$BUILDER")
[[ -z ${GOPROXY-} ]] || args+=(--build-arg "GOPROXY=$GOPROXY")

if [[ ${HERE-} = 1 ]]; then
  for p in ${platform//,/ }; do
    GOARCH=${p#linux/} VERSION=${VERSION-} deploy/binary.sh "dist/out/$p"
  done
  args+=(--build-context build=dist)
fi

# Of podman and buildah: no runtime is needed to compile, the dates of files and of the image are always the same, and a
# name for several platforms is a list, to which building again would only add.
by() {
  args+=(--timestamp 0 --isolation "${BUILDAH_ISOLATION:-chroot}" --build-arg "BUILDPLATFORM=linux/$(machine)")
  if [[ $platform = *,* ]]; then
    "$@" manifest rm "$image" >/dev/null 2>&1 || "$@" rmi "$image" >/dev/null 2>&1 || true
    args+=(--manifest "$image")
  else
    args+=(--tag "$image")
  fi
  "$@" build "${args[@]}" .
}

case $with in
  docker) SOURCE_DATE_EPOCH=0 DOCKER_BUILDKIT=1 docker build "${args[@]}" --tag "$image" . ;;
  podman) by podman ;;
  buildah)
    if [[ -n ${STORE-} ]]; then
      by buildah --root "$STORE/root" --runroot "$STORE/run" --storage-driver vfs
    else
      by buildah
    fi
    ;;
  *) fail "WITH=$with: neither docker nor podman nor buildah" ;;
esac
