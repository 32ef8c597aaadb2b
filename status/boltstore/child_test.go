package boltstore

import "os"

func childMain(role string) { os.Exit(2) }
