package record

// Append appends the binary form of b to dst.
func (b *Batch) Append(dst []byte) []byte { panic("not yet") }

// Decode makes b the batch at the start of p and returns what follows it.
func (b *Batch) Decode(p []byte) ([]byte, error) { panic("not yet") }
