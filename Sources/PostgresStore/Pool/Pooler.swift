/// Finds out whether a pooler stands between, and whether it keeps the session.
package enum Pooler {
  /// Two connections are enough to tell. In transaction mode an idle client has no server session of its
  /// own, so that another client is given the one it had, or it finds itself on another one.
  static func route(
    _ configuration: PostgresConfiguration
  ) throws(PostgresError) -> PostgresConfiguration.Route {
    guard configuration.route == .automatic else { return configuration.route }
    let first = try PostgresConnection(configuration)
    let before = try processID(first, configuration)
    // The server announces its own process id at start; a pooler announces one of its making.
    if first.announcedProcessID == before { return .session }
    let second = try PostgresConnection(configuration)
    try second.executeScript("BEGIN", timeoutMilliseconds: configuration.statementTimeoutMilliseconds)
    let other = try processID(second, configuration)
    let after = try processID(first, configuration)
    try second.executeScript("ROLLBACK", timeoutMilliseconds: configuration.statementTimeoutMilliseconds)
    return route(before: before, other: other, after: after)
  }

  /// `before` and `after` are the first connection's server process, `other` the second's.
  package static func route(before: Int64, other: Int64, after: Int64) -> PostgresConfiguration.Route {
    before == other || before != after ? .transaction : .session
  }

  private static func processID(
    _ connection: borrowing PostgresConnection, _ configuration: PostgresConfiguration
  ) throws(PostgresError) -> Int64 {
    let rows = try connection.execute(
      "SELECT pg_backend_pid()", timeoutMilliseconds: configuration.statementTimeoutMilliseconds)
    guard let id = rows.int(0, 0) else { throw .lost("the server has no process id") }
    return id
  }
}
