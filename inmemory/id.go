package inmemory

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// mint makes the id of a new thing: EC2's prefix and 17 hex digits, a hash of the kind, the key and how many this key
// had before. So ids are the same in every run, in whatever order parallel calls come.
func (m moment) mint(kind, key string) string {
	name := kind + " " + key
	m.minted[name]++
	return derivedID(kind, fmt.Sprintf("%s %d", key, m.minted[name]))
}

// derivedID is the id of what comes with another thing, as an interface comes with its gateway.
func derivedID(kind, from string) string {
	sum := sha256.Sum256([]byte(kind + " " + from))
	return kind + "-" + hex.EncodeToString(sum[:])[:17]
}

// hashed is a number below limit that depends on nothing but the text.
func hashed(text string, limit int) int {
	sum := sha256.Sum256([]byte(text))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(limit))
}

// nth is an address of a prefix, counted from its first.
func nth(p netip.Prefix, n int) netip.Addr {
	four := p.Masked().Addr().As4()
	binary.BigEndian.PutUint32(four[:], binary.BigEndian.Uint32(four[:])+uint32(n))
	return netip.AddrFrom4(four)
}
