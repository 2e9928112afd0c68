package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version can be set at link time, for builds from a tree without a history. Else the go command's own stamp is used: a
// tag, or a pseudo-version, with +dirty for what was not committed.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func versionLine() string {
	return fmt.Sprintf("%s %s %s %s/%s", program, buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
