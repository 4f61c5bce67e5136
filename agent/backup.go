package agent

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
)

const (
	// maxBackup bounds the body of a restore, maxDecoded what its entries take in memory.
	maxBackup  = 64 << 20
	maxDecoded = 256 << 20
)

// backup reads one stream as it arrives: no more than one frame of it is kept.
type backup struct {
	in     *bufio.Reader
	sum    hash.Hash
	frame  []byte
	frames int

	recursive bool // the types lead back to themselves
}

func newBackup(in io.Reader, recursive bool) *backup {
	return &backup{recursive: recursive, in: bufio.NewReaderSize(in, 64<<10), sum: sha256.New()}
}

// badStream is about a body that is no whole stream of entries for this map.
func badStream(format string, args ...any) *problem {
	return &problem{400, "bad_request", fmt.Sprintf(format, args...) + "; nothing was inserted",
		"send a whole stream as GET operations/{id}/entries wrote it, to a map of the same types"}
}

func decodedTooLarge(what string) *problem {
	return &problem{413, "body_too_large", what + "; nothing was inserted",
		"send the entries as several streams, each with its own trailer; 8 MiB each is a good size"}
}

// into decodes every entry into an inbox and checks the trailer behind them.
func (b *backup) into(entries inbox, of types) (trailer, error) {
	d := decoder{room: maxDecoded}
	for {
		frame, err := b.next()
		if err != nil {
			return trailer{}, err
		}
		if len(frame) == 0 {
			return b.end()
		}
		b.frames++
		b.sum.Write(frame)
		err = d.take(of.key.Size() + of.value.Size())
		if err == nil {
			key, value := entries.slot()
			err = d.entry(frame, key, value)
		}
		switch {
		case errors.Is(err, errNoRoom{}):
			return trailer{}, decodedTooLarge(fmt.Sprintf("up to entry %d: %s, %d MiB", b.frames, err, maxDecoded>>20))
		case err != nil:
			return trailer{}, badStream("entry %d: %s", b.frames, err)
		}
		entries.keep()
	}
}

// next is the next frame; it is overwritten by the one after it.
func (b *backup) next() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(b.in, size[:]); err != nil {
		return nil, b.unread(err)
	}
	length := binary.BigEndian.Uint32(size[:])
	if length > maxFrame {
		return nil, badStream("frame %d says it has %d bytes, more than %d", b.frames+1, length, maxFrame)
	}
	if int(length) > cap(b.frame) {
		b.frame = make([]byte, length)
	}
	b.frame = b.frame[:length]
	if _, err := io.ReadFull(b.in, b.frame); err != nil {
		return nil, b.unread(err)
	}
	return b.frame, nil
}

func (b *backup) unread(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return decodedTooLarge(fmt.Sprintf("the body is more than %d MiB", maxBackup>>20))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return badStream("the stream is cut short: it ends after %d entries without a trailer", b.frames)
	}
	return badStream("the body could not be read to its end, it stopped after %d entries", b.frames)
}

// end checks the trailer against what was read.
func (b *backup) end() (trailer, error) {
	raw, err := b.next()
	if err != nil {
		return trailer{}, err
	}
	var end trailer
	var lossy json.RawMessage
	if err := decodeFields(raw, map[string]any{"entries": &end.Entries, "unencodable": &end.Unencodable,
		"first_unencodable": &end.FirstUnencodable, "lossy": &lossy, "sha256": &end.SHA256}); err != nil {
		return end, badStream("the trailer is not one: %s", toProblem(err).Message)
	}
	if _, err := b.in.ReadByte(); err != io.EOF {
		return end, badStream("something follows the trailer")
	}
	if end.Entries != b.frames {
		return end, badStream("the trailer says %d entries, %d were read", end.Entries, b.frames)
	}
	if end.SHA256 != hex.EncodeToString(b.sum.Sum(nil)) {
		return end, badStream("the entries do not have the SHA-256 of the trailer")
	}
	switch {
	case string(lossy) == "true":
		return end, notWhole("it was written with lossy=1")
	case lossy == nil && b.recursive:
		return end, notWhole("its trailer does not say whether it is, and older agents cut types that lead back to themselves")
	}
	return end, nil
}

func notWhole(why string) *problem {
	return &problem{422, "not_lossless", "the stream does not hold its entries whole: " + why + "; nothing was inserted",
		"only a stream written without lossy=1 can be restored"}
}
