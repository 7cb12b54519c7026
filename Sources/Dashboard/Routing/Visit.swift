internal import AdminAPI
internal import Gate
internal import Logging

/// One request for a page on its way through a handler.
struct Visit: Sendable {
  let dashboard: Dashboard
  let request: ControlRequest
  let logger: Logger
  var parameters: [String: String] = [:]
  var form = Form()
  /// nil only on pages for anyone.
  var session: Session?

  init(dashboard: Dashboard, request: ControlRequest, logger: Logger) {
    self.dashboard = dashboard
    self.request = request
    self.logger = logger
  }

  var control: ControlPlane { dashboard.control }
  var now: Instant { control.now() }
  var mayWrite: Bool { session?.admin.role == .operator }

  /// A part of the path that names something.
  func name(_ parameter: String) throws(Problem) -> String {
    guard let value = parameters[parameter], Identifier.isValid(value) else {
      throw Problem(.notFound, "There is no such page.")
    }
    return value
  }

  /// A field of the query; nil for an empty one.
  func query(_ name: String) -> String? {
    let pairs = (try? Query.parse(request.query)) ?? []
    return pairs.last { $0.name == name && !$0.value.isEmpty }?.value
  }

  /// The query's fields of these names, to be passed on to a call.
  func queries(_ names: String...) -> [(name: String, value: String)] {
    names.compactMap { name in query(name).map { (name, $0) } }
  }
}

/// Calls of the API with the rights of the session's key.
extension Visit {
  func get(
    _ template: String, _ parameters: [String: String] = [:], query: [(name: String, value: String)] = []
  ) async throws(Problem) -> JSON {
    try Visit.json(try await call("GET", template, parameters, query: query))
  }

  /// A call that changes something, with an idempotency key where the form brought one.
  @discardableResult
  func write(
    _ method: String, _ template: String, _ parameters: [String: String] = [:], _ body: JSON? = nil
  ) async throws(Problem) -> JSON {
    let once = form.text("once").map { [(name: "Idempotency-Key", value: $0)] } ?? []
    return try Visit.json(try await call(method, template, parameters, headers: once, body: body))
  }

  /// The answer as it is, for exports.
  func call(
    _ method: String, _ template: String, _ parameters: [String: String] = [:],
    query: [(name: String, value: String)] = [], headers: [(name: String, value: String)] = [],
    body: JSON? = nil
  ) async throws(Problem) -> ControlResponse {
    guard let admin = session?.admin else { throw Problem(.forbidden, "Sign in first.") }
    return try await dashboard.api.call(
      method, template, parameters, query: query, headers: headers, body: body, as: admin, logger: logger)
  }

  private static func json(_ response: ControlResponse) throws(Problem) -> JSON {
    guard case .bytes(let bytes) = response.body, !bytes.isEmpty else { return .null }
    do { return try JSON(parsing: bytes) } catch {
      throw Problem(.internalError, "A call of the API could not be read.")
    }
  }

  /// A part of a page: what `read` gives, or why it can't be shown. The rest of the page is shown all the same.
  func part(_ read: () async throws -> View) async -> View {
    do { return try await read() } catch {
      return .object(["problem": .text(Problem.from(error, logger: logger).detail)])
    }
  }
}
