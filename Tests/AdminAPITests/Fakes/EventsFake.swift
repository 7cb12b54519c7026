import Gate
import Synchronization

/// One event, and what was asked of it.
final class EventsFake: EventStore, Sendable {
  struct Asked: Sendable, Equatable {
    var filter: EventFilter?
    var page: PageRequest?
    var replays: [[String]] = []
    var actors: [String] = []
  }
  let asked = Mutex(Asked())

  static let targets = [
    EventTarget(name: "crm"), EventTarget(name: "mail", types: ["budget.threshold_reached"]),
    EventTarget(name: "other", types: ["other.type"]),
  ]

  static let event = EventRecord(
    id: "evt_1", type: "budget.threshold_reached", account: .tenant("t_1"), user: "u_1", tenant: "t_1",
    data: #"{"percent":80}"#, occurredAt: AccountsFake.now, createdAt: AccountsFake.now.advanced(seconds: 1),
    status: .failed,
    deliveries: [
      EventDelivery(
        target: "crm", status: .failed, attempts: 10, lastAttemptAt: AccountsFake.now, lastStatus: 500,
        lastError: "the target answered 500")
    ])

  func events(
    _ filter: EventFilter, _ page: PageRequest
  ) async throws(StoreError) -> Page<EventRecord> {
    asked.withLock { ($0.filter, $0.page) = (filter, page) }
    var listed = Self.event
    listed.deliveries = []
    return Page(items: [listed], nextCursor: "next")
  }
  func event(_ id: String) async throws(StoreError) -> EventRecord? { id == "evt_1" ? Self.event : nil }
  func replayEvent(
    _ id: String, to targets: [String], actor: String
  ) async throws(StoreError) -> EventRecord? {
    asked.withLock { asked in
      asked.replays.append(targets)
      asked.actors.append(actor)
    }
    var event = Self.event
    event.status = .pending
    event.deliveries = targets.map { EventDelivery(target: $0, status: .pending) }
    return id == "evt_1" ? event : nil
  }
}
