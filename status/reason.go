package status

// Reason is one CamelCase word that says why a condition has its status or an
// event happened. Code and tests decide by reason, people read messages.
type Reason string
