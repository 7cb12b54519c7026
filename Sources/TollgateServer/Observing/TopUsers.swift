internal import Gate
internal import Logging
internal import PostgresStore

/// The users with the most tokens of a window. A long one is summed up over many accounts, so what was found of it is
/// shown for a while; it is looked up anew behind the answer, one look at a time.
actor TopUsers {
  private let store: PostgresStore
  private let logger: Logger
  /// By the window's seconds.
  private var found: [Int64: Found] = [:]
  private var looking: [Int64: Task<Found?, Never>] = [:]

  private struct Found {
    let users: [(user: String, tokens: Int64)]
    let at: ContinuousClock.Instant
  }

  private static let usersMax = 10
  /// Up to this long a window is looked up each time.
  private static let shortSeconds: Int64 = 7_200
  private static let freshSeconds: Int64 = 60
  /// What is older is not shown any more.
  private static let staleSeconds: Int64 = 600
  /// Windows that are kept: as many as a dashboard offers.
  private static let windowsMax = 16

  init(store: PostgresStore, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// nil when Postgres takes too long to sum it up.
  func most(windowSeconds window: Int64, from: Instant) async -> [(user: String, tokens: Int64)]? {
    guard window > TopUsers.shortSeconds else { return await look(from)?.users }
    let known = found[window].flatMap {
      $0.at.duration(to: .now) < .seconds(TopUsers.staleSeconds) ? $0 : nil
    }
    if let known, known.at.duration(to: .now) < .seconds(TopUsers.freshSeconds) { return known.users }
    let task = looking[window] ?? begin(window, from)
    if let known { return known.users }
    return await task.value?.users
  }

  private func begin(_ window: Int64, _ from: Instant) -> Task<Found?, Never> {
    let task = Task { await self.lookAndKeep(window, from) }
    looking[window] = task
    return task
  }

  private func lookAndKeep(_ window: Int64, _ from: Instant) async -> Found? {
    let seen = await look(from)
    looking[window] = nil
    guard let seen else { return nil }
    if found.count >= TopUsers.windowsMax, found[window] == nil { found.removeAll() }
    found[window] = seen
    return seen
  }

  private func look(_ from: Instant) async -> Found? {
    do throws(StoreError) {
      return Found(users: try await store.topUsers(from: from, limit: TopUsers.usersMax), at: .now)
    } catch {
      logger.warning("top users not read", metadata: ["error": "\(error)"])
      return nil
    }
  }
}
