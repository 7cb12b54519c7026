internal import AdminAPI
internal import Billing
package import Gate
internal import PostgresStore

extension Administration {
  /// A page of Stripe's events, newest first.
  package func webhookEvents(
    status: String?, type: String?, _ page: PageRequest
  ) async throws(StoreError) -> Answer {
    let found = try await backend.store.webhookEvents(status: status, type: type, page)
    let table = TextTable(
      ["EVENT", "TYPE", "STATUS", "RECEIVED", .text("DETAIL")],
      found.items.map { event in
        [
          .init(event.id), .init(event.type), .init(event.status, tone: tone(event.status)),
          .init(event.receivedAt.rfc3339), .init(event.detail),
        ]
      })
    return .list(.page(found, JSON.event), table, of: "events", found.items.count, found.nextCursor)
  }

  /// Processes a stored event again; one that is done stays as it is.
  package func replayWebhook(_ id: String) async throws -> Answer {
    guard let processor = try backend.webhookProcessor() else {
      throw CommandFailure("no webhook secret is configured: set TOLLGATE_STRIPE_WEBHOOK_SECRETS")
    }
    guard try await processor.replay(eventID: id, now: Clock.now()) != nil,
      let event = try await backend.store.webhookEvent(id)
    else { throw StoreError.notFound("event `\(id)`") }
    var answer = Answer(.event(event), [.line("Event \(event.id), \(event.type), is \(event.status).")])
    if let detail = event.detail { answer.notes.append(detail) }
    return answer
  }

  private func tone(_ status: String) -> TextTable.Tone {
    switch status {
    case "processed": .good
    case "failed": .bad
    case "unmatched": .warning
    default: .plain
    }
  }
}
