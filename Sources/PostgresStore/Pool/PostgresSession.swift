import Gate

/// Whether the server keeps a statement's plan.
enum StatementPlan {
  /// From the second time on: what is asked often, and is read by one way whatever its parameters.
  case kept
  /// It is made for the parameters of each call.
  case madeEachTime
}

/// A connection with what the statements rely on: search path, time zone, time-outs.
struct PostgresSession: ~Copyable {
  let connection: PostgresConnection
  let route: PostgresConfiguration.Route
  private let settings: String
  private let timeout: Int64
  /// nil behind a pooler in transaction mode, where the next statement may meet another server session.
  private let prepared: PreparedStatements?

  init(
    _ configuration: PostgresConfiguration, route: PostgresConfiguration.Route
  ) throws(PostgresError) {
    let connection = try PostgresConnection(configuration)
    let isLocal = route == .transaction
    let timeout = configuration.statementTimeoutMilliseconds + 1000
    let settings = PostgresSession.settings(configuration, isLocal: isLocal)
    // They go in one statement after the connection is up, since poolers refuse start-up options. A
    // pooler in transaction mode would give them to another client: there each transaction sets its own.
    if !isLocal { try connection.executeScript(settings, timeoutMilliseconds: timeout) }
    self.connection = connection
    self.route = route
    self.settings = settings
    self.timeout = timeout
    prepared = isLocal ? nil : PreparedStatements()
  }

  func begin() throws(PostgresError) {
    try connection.executeScript(
      route == .transaction ? "BEGIN; \(settings)" : "BEGIN", timeoutMilliseconds: timeout)
  }

  /// COMMIT of a transaction that has failed would roll back and report success: that is an error here,
  /// for a body that let an error pass believes that it has written something.
  func end(_ word: String) throws(PostgresError) {
    if word == "COMMIT", connection.isInFailedTransaction {
      throw PostgresError(sqlState: "25P02", message: "the transaction had failed before its end")
    }
    try connection.executeScript(word, timeoutMilliseconds: timeout)
  }

  /// A statement of the transaction that was begun; without parameters (nil) there may be several.
  func execute(
    _ sql: String, _ parameters: [PostgresValue]?, _ plan: StatementPlan = .kept
  ) throws(PostgresError) -> PostgresRows {
    guard let parameters else {
      try connection.executeScript(sql, timeoutMilliseconds: timeout)
      return .none
    }
    guard let prepared, plan == .kept else {
      return try connection.execute(sql, parameters, timeoutMilliseconds: timeout)
    }
    let types = parameters.map(\.typeID)
    switch prepared.way(sql, types) {
    case .plain: return try connection.execute(sql, parameters, timeoutMilliseconds: timeout)
    case .new(let name):
      try connection.prepare(name, sql, types: types, timeoutMilliseconds: timeout)
      prepared.note(name, sql, types)
      return try connection.executePrepared(name, parameters, timeoutMilliseconds: timeout)
    case .known(let name):
      do {
        return try connection.executePrepared(name, parameters, timeoutMilliseconds: timeout)
      } catch {
        if error.isOfStalePlan { prepared.forget(sql, types) }
        throw error
      }
    }
  }

  /// A statement that is a transaction by itself.
  func executeAlone(
    _ sql: String, _ parameters: [PostgresValue], _ plan: StatementPlan
  ) throws(PostgresError) -> PostgresRows {
    guard route == .transaction else {
      do {
        return try execute(sql, parameters, plan)
      } catch {
        // Nothing was done: a table has changed since the statement was prepared.
        guard error.isOfStalePlan else { throw error }
        return try execute(sql, parameters, plan)
      }
    }
    try begin()
    do {
      let rows = try execute(sql, parameters)
      try end("COMMIT")
      return rows
    } catch {
      if !error.isConnectionLost { try end("ROLLBACK") }
      throw error
    }
  }

  static func settings(_ configuration: PostgresConfiguration, isLocal: Bool) -> String {
    let set = isLocal ? "SET LOCAL" : "SET"
    let milliseconds = configuration.statementTimeoutMilliseconds
    // The schema's name is checked to be a plain identifier (``PostgresConfiguration/problem``). Temporary
    // tables come last: otherwise they would be found first, ahead of the schema's own.
    return """
      \(set) search_path = "\(configuration.schema)", pg_catalog, pg_temp; \(set) TimeZone = 'UTC'; \
      \(set) DateStyle = 'ISO'; \(set) IntervalStyle = 'postgres'; \(set) bytea_output = 'hex'; \
      \(set) standard_conforming_strings = on; \(set) statement_timeout = \(milliseconds); \
      \(set) idle_in_transaction_session_timeout = \(milliseconds * 2)
      """
  }
}
