// Package boltstore keeps objects in a file of go.etcd.io/bbolt: a [status.Store]
// that survives the death of its host.
//
// # What it promises
//
// When Apply returns, the batch is on the disk, whole; all batches that wait at
// the same time share one transaction and its two fsyncs (group commit). A file
// has one host at a time, by a file lock that ends with its process. A restart
// finds every batch that Apply returned for, and of the one that was under way
// either all or nothing.
//
// # Damage
//
// bbolt guards only the two pages that say where the newest state is; everything
// else it reads as it finds it, and a damaged file can make it panic, fault, or
// leave objects out. So each object has a checksum, the store keeps the number of
// its objects and the sum of their checksums, and Open reads the whole file with
// a reader of its own, which trusts nothing, before bbolt does. What does not add
// up is [ErrCorrupt] with the file's name. While the file is open, panics and
// memory faults inside bbolt become errors; after one of these the Store returns
// the error from every call until it is opened again.
//
// # Failure to write
//
// A batch that could not be written, for instance because the disk is full, has
// not been carried out: its error is returned and the Store goes on. If it cannot
// be known whether the disk has the batch, the Store ends as after damage, and
// the next Open finds out.
//
// # Limits
//
// The file never shrinks: what was deleted is used again. A value may have 1 GiB.
// Tools that write bbolt files, bbolt's own compact among them, make a file that
// Open refuses.
package boltstore
