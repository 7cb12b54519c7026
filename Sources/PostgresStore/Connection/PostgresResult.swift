import CPostgres

/// One `PGresult`, freed with its scope.
@safe struct PostgresResult: ~Copyable {
  private let handle: OpaquePointer

  /// nil when there is no further result.
  init?(_ handle: OpaquePointer?) {
    guard let handle = unsafe handle else { return nil }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe PQclear(handle) }

  /// nil when the statement went well.
  func error(isConnectionLost: Bool) -> PostgresError? {
    switch unsafe PQresultStatus(handle) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE, PGRES_EMPTY_QUERY: return nil
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: return .lost("COPY is not for here")
    default: break
    }
    // The codes of PG_DIAG_…, which are character literals in C.
    guard let state = field(UInt8(ascii: "C")) else {
      return .lost(isConnectionLost ? "the connection is lost" : "Postgres gave no reason")
    }
    return PostgresError(
      sqlState: state, message: field(UInt8(ascii: "M")) ?? "", constraint: field(UInt8(ascii: "n")),
      column: field(UInt8(ascii: "c")),
      // Class 57P: the server is going away, and the session with it.
      isConnectionLost: isConnectionLost || state.hasPrefix("57P"))
  }

  func rows() -> PostgresRows {
    let count = Int(unsafe PQntuples(handle))
    let width = Int(unsafe PQnfields(handle))
    var values: [String?] = []
    values.reserveCapacity(count * width)
    for row in 0..<Int32(count) {
      for column in 0..<Int32(width) {
        if unsafe PQgetisnull(handle, row, column) == 1 {
          values.append(nil)
        } else {
          let length = Int(unsafe PQgetlength(handle, row, column))
          let start = unsafe UnsafeRawPointer(PQgetvalue(handle, row, column))
          let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
          unsafe values.append(String(decoding: bytes, as: UTF8.self))
        }
      }
    }
    let names = (0..<Int32(width)).map { column in
      unsafe String(cString: PQfname(handle, column))
    }
    let affected = unsafe Int(String(cString: PQcmdTuples(handle))) ?? 0
    return PostgresRows(columnNames: names, values: values, count: count, affected: affected)
  }

  private func field(_ code: UInt8) -> String? {
    guard let text = unsafe PQresultErrorField(handle, Int32(code)) else { return nil }
    return unsafe String(cString: text)
  }
}
