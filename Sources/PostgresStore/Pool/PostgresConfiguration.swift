/// Where Postgres is, and how long it may take.
package struct PostgresConfiguration: Sendable {
  /// How the connections reach the server.
  package enum Route: Sendable, Equatable {
    /// Found out at the first connection (``PostgresPool/route()``).
    case automatic
    /// A session of our own: straight to the server, or through a pooler in session mode.
    case session
    /// A pooler that hands out another server session per transaction (pgbouncer or Supavisor in
    /// transaction mode): every statement runs in a transaction that sets its own search path, and the
    /// outbox is polled since nothing can LISTEN.
    case transaction
  }

  /// `postgres://…` or `key=value` pairs, as libpq takes them. Holds the password: never logged.
  package var url: String
  /// 1 to 63 of `a-z`, `0-9`, `_`, not starting with a digit.
  package var schema: String
  /// Connections of the pool, each with a thread of its own: 1 to 64.
  package var connections: Int
  /// Jobs that may wait for a connection; one more is refused at once as unavailable.
  package var queuedJobsMax: Int
  /// Milliseconds; libpq rounds it up to whole seconds, at least 2.
  package var connectTimeoutMilliseconds: Int64
  /// Milliseconds that one statement may take on the server; the client gives up 1 s later and drops
  /// the connection.
  package var statementTimeoutMilliseconds: Int64
  /// Milliseconds that a job may wait in the queue.
  package var queueTimeoutMilliseconds: Int64
  /// ``Route/automatic`` unless the operator knows better.
  package var route: Route

  /// What is wrong with it is told by ``problem``.
  package init(
    url: String, schema: String = "tollgate", connections: Int = 4, queuedJobsMax: Int = 1024,
    connectTimeoutMilliseconds: Int64 = 3000, statementTimeoutMilliseconds: Int64 = 10_000,
    queueTimeoutMilliseconds: Int64 = 5000, route: Route = .automatic
  ) {
    self.url = url
    self.schema = schema
    self.connections = connections
    self.queuedJobsMax = queuedJobsMax
    self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
    self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
    self.queueTimeoutMilliseconds = queueTimeoutMilliseconds
    self.route = route
  }

  /// What is wrong with it, for people; nil when nothing is. Never quotes the URL.
  package var problem: String? {
    guard !url.isEmpty else { return "the Postgres URL is empty" }
    guard PostgresConfiguration.isValidSchema(schema) else {
      return "the schema name must be 1 to 63 of a-z, 0-9 and _, not starting with a digit"
    }
    guard (1...64).contains(connections) else { return "the pool takes 1 to 64 connections" }
    guard queuedJobsMax >= 1 else { return "the queue takes at least one job" }
    guard connectTimeoutMilliseconds > 0, statementTimeoutMilliseconds > 0, queueTimeoutMilliseconds > 0
    else { return "timeouts are above 0" }
    return nil
  }

  static func isValidSchema(_ name: String) -> Bool {
    guard (1...63).contains(name.utf8.count), let first = name.utf8.first else { return false }
    return !(48...57).contains(first)
      && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
  }
}
