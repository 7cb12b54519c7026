import CPostgres
import Gate
import Glibc

/// One libpq connection, used by one thread at a time. Every call blocks, each with a deadline of its own:
/// a server that was stopped or cut off must not hold a thread for good.
@safe struct PostgresConnection: ~Copyable {
  private let handle: OpaquePointer

  deinit { unsafe PQfinish(handle) }

  /// Connects with a deadline; a broken URL is told without quoting it, since it holds the password.
  init(_ configuration: PostgresConfiguration) throws(PostgresError) {
    unsafe handle = try PostgresConnection.open(configuration)
  }

  /// The server process as the start-up packet named it; a pooler makes one up.
  var announcedProcessID: Int64 { Int64(unsafe PQbackendPID(handle)) }

  /// A statement of the transaction failed: all that can be done is to roll back.
  var isInFailedTransaction: Bool { unsafe PQtransactionStatus(handle) == PQTRANS_INERROR }

  /// The connection died, or may have: a server that says something unasked is most likely saying goodbye
  /// (and the end of the stream comes after it). Not for a connection that LISTENs.
  var isLost: Bool { unsafe PQstatus(handle) != CONNECTION_OK || waitForInput(until: .now) }

  /// Runs one statement with bound parameters.
  func execute(
    _ sql: String, _ parameters: [PostgresValue] = [], timeoutMilliseconds: Int64
  ) throws(PostgresError) -> PostgresRows {
    let deadline = Deadline.after(milliseconds: timeoutMilliseconds)
    try send(.text(sql), parameters)
    return try receive(until: deadline)
  }

  /// Has a statement prepared under a name, for ``executePrepared(_:_:timeoutMilliseconds:)``.
  func prepare(
    _ name: String, _ sql: String, types: [UInt32], timeoutMilliseconds: Int64
  ) throws(PostgresError) {
    let deadline = Deadline.after(milliseconds: timeoutMilliseconds)
    guard unsafe PQsendPrepare(handle, name, sql, Int32(types.count), types) == 1 else { throw lost() }
    _ = try receive(until: deadline)
  }

  /// Runs a prepared statement with bound parameters of the types that it was prepared with.
  func executePrepared(
    _ name: String, _ parameters: [PostgresValue], timeoutMilliseconds: Int64
  ) throws(PostgresError) -> PostgresRows {
    let deadline = Deadline.after(milliseconds: timeoutMilliseconds)
    try send(.prepared(name), parameters)
    return try receive(until: deadline)
  }

  /// Runs several statements without parameters, as one implicit transaction.
  func executeScript(_ sql: String, timeoutMilliseconds: Int64) throws(PostgresError) {
    let deadline = Deadline.after(milliseconds: timeoutMilliseconds)
    guard unsafe PQsendQuery(handle, sql) == 1 else { throw lost() }
    _ = try receive(until: deadline)
  }

  /// Blocks until a notification, or something else, is there to be read. False at the deadline.
  /// `wake` is a descriptor whose input ends the wait as well.
  func waitForInput(until deadline: Deadline, wake: Int32 = -1) -> Bool {
    var descriptors = [
      pollfd(fd: unsafe PQsocket(handle), events: Int16(POLLIN), revents: 0),
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let ready = unsafe poll(&descriptors, 2, deadline.millisecondsLeft)
      if ready >= 0 || errno != EINTR { return ready != 0 }
    }
  }

  /// Reads what the server has sent on its own: the payloads of notifications. Throws when it is gone.
  func notifications() throws(PostgresError) -> [String] {
    guard unsafe PQconsumeInput(handle) == 1, unsafe PQstatus(handle) == CONNECTION_OK else {
      throw lost()
    }
    var payloads: [String] = []
    while let notification = unsafe PQnotifies(handle) {
      unsafe payloads.append(String(cString: notification.pointee.extra))
      unsafe PQfreemem(notification)
    }
    return payloads
  }
}

extension PostgresConnection {
  /// A connection that is up; one that failed is freed before the error is thrown.
  private static func open(_ configuration: PostgresConfiguration) throws(PostgresError) -> OpaquePointer {
    guard isReadable(configuration.url) else {
      throw PostgresError(sqlState: "F0000", message: "the Postgres URL can't be read")
    }
    let seconds = max(2, (configuration.connectTimeoutMilliseconds + 999) / 1000)
    let settings: [(String, String)] = [
      // With expand_dbname this is the whole connection string; what follows overrides it.
      ("dbname", configuration.url),
      ("fallback_application_name", "tollgate"), ("client_encoding", "UTF8"),
      ("connect_timeout", String(seconds)),
      ("keepalives", "1"), ("keepalives_idle", "15"), ("keepalives_interval", "5"),
      ("keepalives_count", "3"), ("tcp_user_timeout", "20000"),
    ]
    let keywords = unsafe strings(settings.map { $0.0 })
    let values = unsafe strings(settings.map { $0.1 })
    defer {
      for index in settings.indices {
        unsafe free(UnsafeMutablePointer(mutating: keywords[index]))
        unsafe free(UnsafeMutablePointer(mutating: values[index]))
      }
      unsafe keywords.deallocate()
      unsafe values.deallocate()
    }
    guard let handle = unsafe PQconnectdbParams(keywords, values, 1) else { throw .lost("out of memory") }
    guard unsafe PQstatus(handle) == CONNECTION_OK, unsafe PQsetnonblocking(handle, 1) == 0 else {
      let reason = unsafe message(of: handle)
      unsafe PQfinish(handle)
      throw .lost(reason)
    }
    // Notices go to stderr by default; a library doesn't write there.
    unsafe PQsetNoticeReceiver(handle, { _, _ in }, nil)
    return unsafe handle
  }

  private enum Statement {
    case text(String)
    case prepared(String)
  }

  private func send(_ statement: Statement, _ parameters: [PostgresValue]) throws(PostgresError) {
    let wire = parameters.map(\.wireBytes)
    for (parameter, bytes) in zip(parameters, wire) where !parameter.isBinary {
      // libpq reads text up to the first zero: a longer value would be cut in silence.
      if let bytes, bytes.contains(0) {
        throw PostgresError(sqlState: "22021", message: "text must not contain a zero byte")
      }
    }
    // One buffer for all values, each with a zero behind it, so that every pointer stays good.
    var buffer: [UInt8] = []
    buffer.reserveCapacity(wire.reduce(0) { $0 + ($1?.count ?? 0) + 1 })
    let offsets = wire.map { bytes -> Int? in
      guard let bytes else { return nil }
      defer {
        buffer.append(contentsOf: bytes)
        buffer.append(0)
      }
      return buffer.count
    }
    let types = parameters.map(\.typeID)
    let lengths = wire.map { Int32($0?.count ?? 0) }
    let formats = parameters.map { Int32($0.isBinary ? 1 : 0) }
    let isSent = unsafe buffer.withUnsafeBufferPointer { bytes in
      let base = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
      let pointers = unsafe offsets.map { offset -> UnsafePointer<CChar>? in
        guard let offset, let base = unsafe base else { return nil }
        return unsafe base + offset
      }
      let count = Int32(parameters.count)
      return switch statement {
      case .text(let sql):
        unsafe PQsendQueryParams(handle, sql, count, types, pointers, lengths, formats, 0) == 1
      case .prepared(let name):
        unsafe PQsendQueryPrepared(handle, name, count, pointers, lengths, formats, 0) == 1
      }
    }
    guard isSent else { throw lost() }
  }

  /// The last result of what was sent; its first error when there is one.
  private func receive(until deadline: Deadline) throws(PostgresError) -> PostgresRows {
    try flush(until: deadline)
    var rows = PostgresRows.none
    var failure: PostgresError?
    while true {
      while unsafe PQisBusy(handle) == 1 {
        guard waitForInput(until: deadline) else { throw .lost("no answer from Postgres in time") }
        guard unsafe PQconsumeInput(handle) == 1 else { throw lost() }
      }
      guard let result = unsafe PostgresResult(PQgetResult(handle)) else { break }
      if let error = result.error(isConnectionLost: unsafe PQstatus(handle) != CONNECTION_OK) {
        failure = failure ?? error
        if error.isConnectionLost { throw failure ?? error }
      } else {
        rows = result.rows()
      }
    }
    if let failure { throw failure }
    return rows
  }

  private func flush(until deadline: Deadline) throws(PostgresError) {
    while true {
      let state = unsafe PQflush(handle)
      if state == 0 { return }
      guard state == 1 else { throw lost() }
      var descriptor = pollfd(
        fd: unsafe PQsocket(handle), events: Int16(POLLIN) | Int16(POLLOUT), revents: 0)
      let ready = unsafe poll(&descriptor, 1, deadline.millisecondsLeft)
      guard ready != 0 else { throw .lost("Postgres takes no data") }
      // A server that answers before it has read everything has to be read, or both sides would wait.
      if descriptor.revents & Int16(POLLIN) != 0, unsafe PQconsumeInput(handle) != 1 { throw lost() }
    }
  }

  private func lost() -> PostgresError { .lost(unsafe PostgresConnection.message(of: handle)) }

  private static func message(of handle: OpaquePointer) -> String {
    guard let text = unsafe PQerrorMessage(handle) else { return "the connection is lost" }
    let lines = unsafe String(cString: text).split(separator: "\n")
    return lines.isEmpty ? "the connection is lost" : lines.joined(separator: " ")
  }

  private static func isReadable(_ url: String) -> Bool {
    guard let options = unsafe PQconninfoParse(url, nil) else { return false }
    unsafe PQconninfoFree(options)
    return true
  }

  /// A C array of C strings with a null at its end.
  private static func strings(_ texts: [String]) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
    let array = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count + 1)
    for (index, text) in texts.enumerated() {
      unsafe (array + index).initialize(to: UnsafePointer(strdup(text)))
    }
    unsafe (array + texts.count).initialize(to: nil)
    return unsafe array
  }
}
