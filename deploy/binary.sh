#!/bin/sh
# Builds the program as it stands in the image, into the folder that is named: deploy/binary.sh DIR.
# GOARCH is for which machines, VERSION what it calls itself; without it that is what the go command stamps.
# Plain sh: the image is built where there may be no other shell.
set -eu
cd "$(dirname "$0")/.."

# Under a version that was given, equal sources give equal bytes, whatever commit they stand in. And the .git of a work
# tree is a file that leads nowhere in a container: the go command would give up.
if [ -n "${VERSION-}" ] || [ ! -d .git ]; then
  export GOFLAGS="${GOFLAGS-} -buildvcs=false"
fi

CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags "-s -w -X main.version=${VERSION-}" -o "$1/" ./cmd/kube-static-egress-controller
