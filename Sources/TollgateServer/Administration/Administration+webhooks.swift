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
      ["EVENT", "TYPE", "ABOUT", "STATUS", "RECEIVED", .text("DETAIL")],
      found.items.map { event in
        [
          .init(event.id), .init(event.type), .init(event.object),
          .init(event.status, tone: tone(event.status)),
          .init(event.receivedAt.rfc3339), .init(event.detail),
        ]
      })
    return .list(.page(found, JSON.event), table, of: "events", found.items.count, found.nextCursor)
  }

  /// Processes a stored event again; one that is done stays as it is.
  package func replayWebhook(_ id: String) async throws -> Answer {
    let events = backend.eventProcessor()
    guard try await backend.replay(id, by: events, actor: Administration.actor) != nil,
      let event = try await backend.store.webhookEvent(id)
    else { throw StoreError.notFound("event `\(id)`") }
    var answer = Answer(.event(event), [.line("Event \(event.id), \(event.type), is \(event.status).")])
    if let detail = event.detail { answer.notes.append(detail) }
    return answer
  }

  /// The same of all events of this status (`unmatched` or `failed`), oldest first; what each came to.
  package func replayWebhooks(status: String) async throws -> Answer {
    let processor = backend.eventProcessor()
    var waiting: [String] = []
    var cursor: String?
    repeat {
      let page = try await backend.store.webhookEvents(
        status: status, type: nil, PageRequest(limit: 200, cursor: cursor))
      waiting += page.items.map(\.id)
      cursor = page.nextCursor
    } while cursor != nil
    var counts: [String: Int64] = [:]
    for id in waiting.reversed() {
      let became: String
      do throws(StoreError) {
        became = try await backend.replay(id, by: processor, actor: Administration.actor) ?? "processed"
      } catch {
        if case .unavailable = error { throw error }
        became = "failed"
      }
      counts[became, default: 0] += 1
    }
    let outcomes = ["processed", "ignored", "unmatched", "failed"]
    let words = outcomes.map { "\($0) \(counts[$0] ?? 0)" }.joined(separator: ", ")
    return Answer(
      .object(
        [.init("replayed", .integer(Int64(waiting.count)))]
          + outcomes.map { .init($0, .integer(counts[$0] ?? 0)) }),
      [.line("Events replayed: \(waiting.count); now \(words).")])
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
