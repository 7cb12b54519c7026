/// The deliveries of events to endpoints: what is due, what came of it, when it is tried again. Pure: it says
/// what to post, and is told what came of it.
package struct WebhookQueue: Sendable {
  /// One attempt to post.
  package struct Attempt: Sendable, Equatable, Codable {
    /// What came of it.
    package enum Outcome: Sendable, Equatable, Codable {
      case status(Int)
      case noAnswer
      /// Lost on purpose.
      case dropped
    }
    /// On the account's clock.
    package var time: Int64
    package var outcome: Outcome
  }

  /// One event for one endpoint.
  package struct Delivery: Sendable, Equatable, Codable {
    /// How far it is.
    package enum State: Sendable, Equatable, Codable { case waiting, sending, delivered, givenUp }
    /// Its place among all deliveries.
    package var number: Int
    package var event: String
    package var endpoint: String
    package var state = State.waiting
    /// On the account's clock: when the next attempt is due.
    package var due: Int64
    package var firstDue: Int64
    var isDropped = false
    package var attempts: [Attempt] = []
  }

  package var endpoints: [WebhookEndpoint]
  package var modes: Set<DeliveryMode>
  /// Seconds from each failed attempt to the next; the last one is repeated for three days.
  package var backOffSeconds: [Int64] = [10, 60, 300, 1800, 7200, 18_000, 36_000, 43_200]
  /// Oldest first.
  package private(set) var deliveries: [Delivery] = []
  private var generator: SplitMix
  private static let daysOfRetries: Int64 = 3

  /// Delivers to these endpoints; the seed decides what the modes do.
  package init(endpoints: [WebhookEndpoint] = [], modes: Set<DeliveryMode> = [], seed: UInt64 = 1) {
    self.endpoints = endpoints
    self.modes = modes
    generator = SplitMix(seed: seed)
  }

  /// Takes the account's new events.
  package mutating func collect(from account: inout StripeAccount) {
    let events = account.takeEvents()
    guard !events.isEmpty else { return }
    let steps = DeliveryPlan.make(events, modes, using: &generator, account: &account)
    // Twins happened too, but are in the plan already.
    _ = account.takeEvents()
    for step in steps {
      for endpoint in endpoints {
        let due = step.event.created + step.delaySeconds
        deliveries.append(
          Delivery(
            number: deliveries.count, event: step.event.id, endpoint: endpoint.id, due: due, firstDue: due,
            isDropped: step.isDropped))
      }
    }
  }

  /// What is to be posted now, in its order; counts as being sent until ``finish(_:_:now:)``. What is to be
  /// dropped isn't among it.
  package mutating func takeDue(now: Int64) -> [Delivery] {
    var due: [Delivery] = []
    for index in deliveries.indices where deliveries[index].state == .waiting && deliveries[index].due <= now
    {
      if deliveries[index].isDropped {
        deliveries[index].isDropped = false
        fail(index, .dropped, now: now)
      } else {
        deliveries[index].state = .sending
        due.append(deliveries[index])
      }
    }
    return due
  }

  /// What came of a post: only 2xx is success.
  package mutating func finish(_ number: Int, _ outcome: Attempt.Outcome, now: Int64) {
    guard deliveries.indices.contains(number), deliveries[number].state == .sending else { return }
    if case .status(200..<300) = outcome {
      deliveries[number].attempts.append(Attempt(time: now, outcome: outcome))
      deliveries[number].state = .delivered
    } else {
      fail(number, outcome, now: now)
    }
  }

  private mutating func fail(_ index: Int, _ outcome: Attempt.Outcome, now: Int64) {
    let wait = backOffSeconds[min(deliveries[index].attempts.count, backOffSeconds.count - 1)]
    deliveries[index].attempts.append(Attempt(time: now, outcome: outcome))
    deliveries[index].due = now + wait
    let end = deliveries[index].firstDue + WebhookQueue.daysOfRetries * BillingCalendar.day
    deliveries[index].state = deliveries[index].due > end ? .givenUp : .waiting
  }

  mutating func restore(_ deliveries: [Delivery]) {
    self.deliveries = deliveries
    for index in deliveries.indices where deliveries[index].state == .sending {
      self.deliveries[index].state = .waiting
    }
  }

  /// By hand, whatever came of it before; false when no endpoint was to have it.
  @discardableResult
  package mutating func resend(_ event: String, now: Int64) -> Bool {
    var seen: Set<String> = []
    for delivery in deliveries where delivery.event == event && seen.insert(delivery.endpoint).inserted {
      deliveries.append(
        Delivery(
          number: deliveries.count, event: event, endpoint: delivery.endpoint, due: now, firstDue: now))
    }
    return !seen.isEmpty
  }

  /// Events that some endpoint has not taken.
  package var undelivered: Set<String> {
    let taken = Set(
      deliveries.lazy.filter { $0.state == .delivered }.map { Pair(event: $0.event, endpoint: $0.endpoint) })
    return Set(
      deliveries.lazy.filter { !taken.contains(Pair(event: $0.event, endpoint: $0.endpoint)) }.map(\.event))
  }

  /// Nothing waits or is on its way.
  package var isIdle: Bool { deliveries.allSatisfy { $0.state == .delivered || $0.state == .givenUp } }

  /// The deliveries of one event.
  package func deliveries(of event: String) -> [Delivery] { deliveries.filter { $0.event == event } }

  private struct Pair: Hashable {
    var event: String
    var endpoint: String
  }
}
