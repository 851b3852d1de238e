package queue

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"os"
)

// machineHash tells machines apart without storing the machine's ID, which is
// confidential by machine-id(5). It is empty where there is no ID.
func machineHash() []byte {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		id, err := os.ReadFile(path)
		if id = bytes.TrimSpace(id); err == nil && len(id) > 0 {
			sum := sha256.Sum256(append([]byte("shipper queue\x00"), id...))
			return sum[:16]
		}
	}
	return nil
}

func newAgentID() []byte {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return id
}
