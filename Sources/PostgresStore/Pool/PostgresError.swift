package import Gate

/// What Postgres or libpq said. The message is the server's primary message: it may name columns and
/// constraints, never the values of a row.
package struct PostgresError: Error, Sendable, Equatable {
  /// Five characters; nil when the server was out of reach and nothing is known of the outcome.
  package var sqlState: String?
  /// For logs.
  package var message: String
  /// The violated constraint or unique index.
  package var constraint: String?
  /// The column that must not be null.
  package var column: String?
  /// The connection can't be used any more.
  package var isConnectionLost: Bool

  /// Without a `sqlState` it counts as out of reach.
  package init(
    sqlState: String? = nil, message: String, constraint: String? = nil, column: String? = nil,
    isConnectionLost: Bool = false
  ) {
    self.sqlState = sqlState
    self.message = message
    self.constraint = constraint
    self.column = column
    self.isConnectionLost = isConnectionLost
  }

  static func lost(_ message: String) -> PostgresError {
    PostgresError(message: message, isConnectionLost: true)
  }

  /// Another transaction was in the way, or a table has changed under a prepared statement; the same transaction
  /// may pass when it is run again.
  package var isRetryable: Bool { sqlState == "40001" || sqlState == "40P01" || isOfStalePlan }

  /// A prepared statement is no good any more: a migration has changed what it returns ("cached plan must not change
  /// result type"), or something has reset the session.
  var isOfStalePlan: Bool {
    sqlState == "26000" || sqlState == "0A000" && message.contains("cached plan")
  }

  /// The key is taken.
  package var isUniqueViolation: Bool { sqlState == "23505" }

  /// As the ports speak of it.
  package var storeError: StoreError {
    guard let sqlState else { return .unavailable(message) }
    switch sqlState {
    case "23505": return .conflict("it exists already\(named)")
    case "23503": return .conflict("it refers to something that does not exist, or is referred to\(named)")
    case "23502": return .invalid(field: column ?? "", message: "must not be null")
    case "23514": return .invalid(field: column ?? constraint ?? "", message: "is out of bounds")
    case "P0001": return .conflict(message)
    case "40001", "40P01", "55P03", "57014", "25006": return .unavailable("\(sqlState) \(message)")
    default: break
    }
    switch sqlState.prefix(2) {
    // Connection failures, too many connections or no space, shutdowns, idle sessions ended.
    case "08", "53", "57", "58": return .unavailable("\(sqlState) \(message)")
    case "25": return isConnectionLost ? .unavailable(message) : .internalError("\(sqlState) \(message)")
    // The message of a data exception quotes the value.
    case "22":
      return .invalid(field: column ?? "", message: "is not a value that can be stored (\(sqlState))")
    default: return .internalError("\(sqlState) \(message)")
    }
  }

  private var named: String { constraint.map { " (\($0))" } ?? "" }
}
