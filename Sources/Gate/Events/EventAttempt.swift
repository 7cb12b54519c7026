/// Where events go, as far as the books have to know: its address and secrets are the config's.
package struct EventTarget: Sendable, Equatable {
  package var name: String
  /// Empty: every type.
  package var types: [String]

  package init(name: String, types: [String] = []) {
    self.name = name
    self.types = types
  }

  package func takes(_ type: String) -> Bool { types.isEmpty || types.contains(type) }
}

/// The right to make one attempt of a delivery, until its lease ends. Whoever comes after that gets a claim of
/// its own, and this one can no longer tell how it ended.
package struct EventClaim: Sendable, Equatable {
  /// Never given twice.
  package var number: Int64
  /// The event's place in the order of all.
  package var event: Int64
  package var target: String
  /// Which attempt it is, from 1.
  package var attempt: Int64
  package var id: String
  package var type: String
  /// A JSON object.
  package var data: String
  package var occurredAt: Instant

  package init(
    number: Int64, event: Int64, target: String, attempt: Int64, id: String, type: String, data: String,
    occurredAt: Instant
  ) {
    self.number = number
    self.event = event
    self.target = target
    self.attempt = attempt
    self.id = id
    self.type = type
    self.data = data
    self.occurredAt = occurredAt
  }
}

/// How an attempt ended.
package enum EventAttemptEnd: Sendable, Equatable {
  case delivered(status: Int64)
  /// To be tried again at a time. `status` is nil where no answer came.
  case retry(at: Instant, status: Int64?, error: String)
  /// For good, until somebody replays it.
  case failed(status: Int64?, error: String)
  /// It was given up before there was an answer, since the gate stops: it doesn't count.
  case abandoned
}

/// What waits for one target.
package struct EventBacklog: Sendable, Equatable {
  package var target: String
  package var pending: Int64
  /// Since when the oldest of them waits; nil: none does.
  package var oldestSince: Instant?
  /// It answered 410 and is left alone until a gate starts with it.
  package var isPaused: Bool

  package init(target: String, pending: Int64, oldestSince: Instant?, isPaused: Bool) {
    self.target = target
    self.pending = pending
    self.oldestSince = oldestSince
    self.isPaused = isPaused
  }
}
