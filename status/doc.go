// Package status holds what is known of an object: its identity, conditions,
// events and errors, and the [Store] where that knowledge is kept.
//
//   - [ObjectMeta], [Condition] and [Time] are Kubernetes' types of these names, with
//     its JSON. What is not read is kept. Each [Reason] and [ConditionType] is a
//     constant that says who sets it and when it goes away.
//   - A [FieldError] is one invalid field, with the message of Kubernetes' API;
//     [FieldErrors] is everything that is wrong with one object, as one error.
//   - An [Event] goes to a [Recorder]: an [EventLog] that remembers and correlates, a
//     [SlogRecorder], your own function ([RecorderFunc]), or several ([Tee]).
//   - A [Store] keeps objects and their versions. [MemoryStore] is the reference, package
//     boltstore survives the death of its host, and statustest holds the suite
//     that every Store passes.
//
// Nothing here starts a goroutine or reads a clock.
package status
