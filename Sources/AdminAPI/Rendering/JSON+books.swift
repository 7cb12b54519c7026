package import Gate

extension JSON {
  static func line(_ line: LedgerLine) -> JSON {
    [
      "operation": .string(line.operation), "at": .time(line.at), "user": .string(line.user),
      "tenant": .text(line.tenant), "feature": .string(line.feature), "tokens": .integer(line.tokens),
      "kind": .string(line.kind), "outcome": .text(line.outcome),
      "reservation": .text(line.reservation), "metadata": .embedded(line.metadata),
      "occurred_at": .time(line.occurredAt),
    ]
  }

  static func point(_ point: UsagePoint) -> JSON {
    [
      "start": .time(point.start), "feature": .text(point.feature), "tokens": .integer(point.tokens),
      "entries": .integer(point.entries),
    ]
  }

  static func shadowed(_ use: ShadowedUse) -> JSON {
    [
      "start": .time(use.start), "feature": .string(use.feature), "limit": .string(use.limit),
      "entries": .integer(use.entries), "tokens": .integer(use.tokens), "users": .integer(use.users),
    ]
  }

  static func audit(_ entry: AuditEntry) -> JSON {
    [
      "id": .integer(entry.id), "at": .time(entry.at), "actor": .string(entry.actor),
      "action": .string(entry.action), "subject": .string(entry.subject),
      "before": .embedded(entry.before), "after": .embedded(entry.after), "reason": .text(entry.reason),
    ]
  }

  /// A Stripe event as a list shows it.
  package static func event(_ event: WebhookEventRecord) -> JSON {
    [
      "id": .string(event.id), "type": .string(event.type), "object": .text(event.object),
      "status": .string(event.status),
      "received_at": .time(event.receivedAt), "processed_at": .time(event.processedAt),
      "detail": .text(event.detail),
    ]
  }

  /// An event with the body it came with.
  static func eventWithPayload(_ event: WebhookEventRecord) -> JSON {
    guard case .object(let members) = JSON.event(event) else { return .null }
    return .object(members + [Member("payload", .embedded(event.payload))])
  }
}
