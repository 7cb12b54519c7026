/// What is delivered, in which order: a pure function of the events, the modes and the seed.
package enum DeliveryPlan {
  /// One delivery.
  package struct Step: Sendable, Equatable {
    package var event: StripeEventRecord
    /// Seconds after it happened.
    package var delaySeconds: Int64 = 0
    /// The first attempt gets lost.
    package var isDropped = false
  }

  /// Plans a batch. Twins are made in the account, for a real one can be fetched by its id.
  package static func make(
    _ events: [StripeEventRecord], _ modes: Set<DeliveryMode>, using generator: inout SplitMix,
    account: inout StripeAccount
  ) -> [Step] {
    var steps = events.map { Step(event: $0) }
    if modes.contains(.twins) {
      for event in events where Bool.random(using: &generator) {
        let twin = Step(event: account.twin(of: event))
        steps.insert(twin, at: place(after: event.id, in: steps, using: &generator))
      }
    }
    if modes.contains(.duplicated) {
      for step in steps {
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
          steps.insert(step, at: place(after: step.event.id, in: steps, using: &generator))
        }
      }
    }
    if modes.contains(.delayed) {
      for index in steps.indices { steps[index].delaySeconds = Int64.random(in: 0...3600, using: &generator) }
      steps = steps.enumerated()
        .sorted { ($0.element.delaySeconds, $0.offset) < ($1.element.delaySeconds, $1.offset) }
        .map(\.element)
    }
    if modes.contains(.dropped) {
      for index in steps.indices { steps[index].isDropped = Bool.random(using: &generator) }
    }
    if modes.contains(.shuffled) { steps.shuffle(using: &generator) }
    return steps
  }

  /// For tests that deliver by themselves: the events in the order in which they arrive in the end, the
  /// dropped ones last.
  package static func arrivals(
    _ events: [StripeEventRecord], _ modes: Set<DeliveryMode>, seed: UInt64, account: inout StripeAccount
  ) -> [StripeEventRecord] {
    var generator = SplitMix(seed: seed)
    let steps = make(events, modes, using: &generator, account: &account)
    return (steps.filter { !$0.isDropped } + steps.filter(\.isDropped)).map(\.event)
  }

  private static func place(after id: String, in steps: [Step], using generator: inout SplitMix) -> Int {
    let first = steps.firstIndex { $0.event.id == id } ?? 0
    return Int.random(in: (first + 1)...steps.count, using: &generator)
  }
}
