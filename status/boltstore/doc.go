// Package boltstore keeps objects in a file of go.etcd.io/bbolt: a [status.Store]
// that survives the death of its host.
//
// # What it promises
//
// When Apply returns, the batch is on the disk, whole; all batches that wait at
// the same time share one transaction and its one fsync (group commit). A file
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
// bbolt writes where the newest state is after that state, with an fsync between
// the two. Here one fsync covers both: if the machine stops before it ends, Open
// sees what is missing and takes the state before, to which the other of the two
// pages leads. So that damage which comes later is not taken for that, a batch
// is confirmed, by an empty transaction, after 20 ms without another, by Close, and by the
// Open after a crash: from then on damage is an error or makes no difference.
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
