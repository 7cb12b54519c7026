internal import AdminAPI
package import Gate
internal import PostgresStore
internal import Settings

extension Administration {
  /// A page of the events that budgets and the like have made, newest first.
  package func events(_ filter: EventFilter, _ page: PageRequest) async throws(StoreError) -> Answer {
    let found = try await backend.store.events(filter, page)
    let table = TextTable(
      ["EVENT", "TYPE", .text("ACCOUNT"), "STATUS", "OCCURRED"],
      found.items.map { event in
        [
          .init(event.id), .init(event.type), .init(event.account.description),
          .init(event.status.rawValue, tone: tone(event.status)), .init(event.occurredAt.rfc3339),
        ]
      })
    return .list(
      .page(found, JSON.outgoingEvent), table, of: "events", found.items.count, found.nextCursor)
  }

  /// One event with its deliveries.
  package func event(_ id: String) async throws(StoreError) -> Answer {
    guard let event = try await backend.store.event(id) else { throw .notFound("event `\(id)`") }
    return answer(event)
  }

  /// Has an event sent again by the running gates: to the target, or to all that take its type.
  package func replayEvent(_ id: String, to target: String?) async throws(StoreError) -> Answer {
    guard let event = try await backend.store.event(id) else { throw .notFound("event `\(id)`") }
    let targets = backend.settings.server.events.targets
    let chosen: [String]
    do throws(ReplayTargets.Refusal) {
      chosen = try ReplayTargets.choose(
        target, of: targets.map { EventTarget(name: $0.name, types: $0.types) }, type: event.type)
    } catch {
      throw .conflict("`\(target ?? "target")` \(error)")
    }
    guard let sent = try await backend.store.replayEvent(id, to: chosen, actor: Administration.actor) else {
      throw .notFound("event `\(id)`")
    }
    return answer(sent)
  }

  private func answer(_ event: EventRecord) -> Answer {
    let fields = TextTable(fields: [
      ("event", event.id), ("type", event.type), ("account", event.account.description),
      ("status", event.status.rawValue), ("occurred", event.occurredAt.rfc3339),
      ("booked", event.createdAt.rfc3339), ("data", event.data),
    ])
    var parts: [Answer.Part] = [.table(fields)]
    if !event.deliveries.isEmpty { parts += [.line(""), .table(deliveries(of: event))] }
    return Answer(.outgoingEventWithDeliveries(event), parts)
  }

  private func deliveries(of event: EventRecord) -> TextTable {
    TextTable(
      ["TARGET", "STATUS", .number("ATTEMPTS"), .number("LAST"), "NEXT", .text("ERROR")],
      event.deliveries.map { delivery in
        let status = EventRecord.Status(rawValue: delivery.status.rawValue) ?? .pending
        return [
          .init(delivery.target), .init(delivery.status.rawValue, tone: tone(status)),
          .init(delivery.attempts), .init(delivery.lastStatus.map { String($0) }),
          .init(delivery.nextAttemptAt?.rfc3339), .init(delivery.lastError),
        ]
      })
  }

  private func tone(_ status: EventRecord.Status) -> TextTable.Tone {
    switch status {
    case .delivered: .good
    case .failed: .bad
    case .pending, .unsent: .plain
    }
  }
}
