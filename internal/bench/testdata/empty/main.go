// Command empty does nothing: what any Go program weighs.
package main

func main() {}
