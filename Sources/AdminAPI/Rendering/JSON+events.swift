package import Gate

extension JSON {
  /// An event of ours as a list shows it.
  package static func outgoingEvent(_ event: EventRecord) -> JSON {
    [
      "id": .string(event.id), "type": .string(event.type), "status": .string(event.status.rawValue),
      "account": .string(event.account.description), "user": .text(event.user), "tenant": .text(event.tenant),
      "occurred_at": .time(event.occurredAt), "created_at": .time(event.createdAt),
      "data": .embedded(event.data),
    ]
  }

  /// The same with each of its deliveries.
  package static func outgoingEventWithDeliveries(_ event: EventRecord) -> JSON {
    guard case .object(let members) = outgoingEvent(event) else { return .null }
    return .object(members + [Member("deliveries", .array(event.deliveries.map(delivery)))])
  }

  private static func delivery(_ delivery: EventDelivery) -> JSON {
    [
      "target": .string(delivery.target), "status": .string(delivery.status.rawValue),
      "attempts": .integer(delivery.attempts), "next_attempt_at": .time(delivery.nextAttemptAt),
      "last_attempt_at": .time(delivery.lastAttemptAt), "last_status": .amount(delivery.lastStatus),
      "last_error": .text(delivery.lastError), "delivered_at": .time(delivery.deliveredAt),
    ]
  }
}
