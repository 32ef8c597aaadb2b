// Package status holds what is known of an object: its identity, conditions,
// events and errors, and the [Store] where that knowledge is kept.
package status
