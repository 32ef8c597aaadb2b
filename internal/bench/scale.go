package main

func scale(b *bench) error { return nil }

const childArg = "-child"

func child(args []string) int { return 0 }
