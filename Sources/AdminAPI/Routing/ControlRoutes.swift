package import Gate
package import Logging

/// A table of calls and the one way through it: request id, match, limits, caller, handler, and the
/// conversion of whatever is thrown into a problem. It knows no transport.
package struct ControlRoutes: Sendable {
  /// In the order they are tried.
  package let routes: [Route]
  let control: ControlPlane
  /// Paths that the same listener serves elsewhere, so that a wrong method on them is a 405.
  let elsewhere: [Route]

  init(_ routes: [Route], elsewhere: [Route] = [], control: ControlPlane) {
    self.routes = routes
    self.elsewhere = elsewhere
    self.control = control
  }

  /// How many bytes of a body are worth reading for a request; a transport answers 413 past it by calling
  /// ``refuse(_:code:detail:)``.
  package func bodyBytesMax(path: String) -> Int {
    let segments = PathTemplate.segments(of: path)
    let limits = routes.compactMap { $0.parameters(of: segments) == nil ? nil : $0.bodyBytesMax }
    return limits.max() ?? Route.bodyBytesMaxDefault
  }

  /// The answer to a request, always.
  package func respond(to request: ControlRequest) async -> ControlResponse {
    var (id, logger) = self.logger(for: request)
    var response: ControlResponse
    var template = "unknown"
    do {
      let match = try match(request)
      template = match.route.template
      logger[metadataKey: "http.route"] = "\(template)"
      response = try await run(match, request, logger)
    } catch {
      response = Problem.from(error, logger: logger).response(docsBase: control.docsBase)
    }
    if request.method == "HEAD" { response.body = .bytes([]) }
    finish(&response, id: id)
    logger.debug(
      "request answered",
      metadata: [
        "http.method": "\(request.method.prefix(16))", "http.status": "\(response.status)",
      ])
    return response
  }

  /// A problem for what the transport itself has to refuse (a body too large, headers too large).
  package func refuse(_ request: ControlRequest, code: ProblemCode, detail: String) -> ControlResponse {
    var response = Problem(code, detail).response(docsBase: control.docsBase)
    finish(&response, id: RequestID.choose(request.values(of: "X-Request-Id")))
    return response
  }

  /// Whether the path is one of the table's, whatever the method.
  package func serves(path: String) -> Bool {
    let segments = PathTemplate.segments(of: path)
    return (routes + elsewhere).contains { $0.parameters(of: segments) != nil }
  }

  /// Adds what every answer has.
  package func finish(_ response: inout ControlResponse, id: String) {
    response.headers.append((name: "X-Request-Id", value: id))
    response.headers.append((name: "X-Content-Type-Options", value: "nosniff"))
    // Answers are one caller's own, and some hold a credential.
    if response.value(of: "Cache-Control") == nil {
      response.headers.append((name: "Cache-Control", value: "no-store"))
    }
  }

  /// The request's id, and a logger that has it.
  package func logger(for request: ControlRequest) -> (id: String, logger: Logger) {
    let id = RequestID.choose(request.values(of: "X-Request-Id"))
    var logger = control.logger
    logger[metadataKey: "request.id"] = "\(id)"
    let parents = request.values(of: "traceparent")
    if parents.count == 1, let parent = parents.first, parent.utf8.count <= 128, RequestID.isSane(parent) {
      logger[metadataKey: "traceparent"] = "\(parent)"
    }
    return (id, logger)
  }

  private func run(
    _ match: Match, _ request: ControlRequest, _ logger: Logger
  ) async throws -> ControlResponse {
    for name in ["Host", "Content-Type"] { _ = try request.value(of: name) }
    guard request.body.count <= match.route.bodyBytesMax else {
      throw Problem(.bodyTooLarge, "The body may have \(match.route.bodyBytesMax) bytes.")
    }
    let caller = try await Authenticator(control: control).caller(of: request, for: match.route.access)
    let exchange = Exchange(
      control: control, request: request, parameters: match.parameters, caller: caller, logger: logger)
    return try await match.route.handle(exchange)
  }

  private struct Match {
    var route: Route
    var parameters: [String: String]
  }

  private func match(_ request: ControlRequest) throws(Problem) -> Match {
    let path = PathTemplate.segments(of: request.path)
    let method = request.method == "HEAD" ? "GET" : request.method
    var allowed: Set<String> = []
    for route in routes {
      guard let parameters = route.parameters(of: path) else { continue }
      if route.method == method { return Match(route: route, parameters: parameters) }
      allowed.insert(route.method)
    }
    for route in elsewhere where route.parameters(of: path) != nil { allowed.insert(route.method) }
    guard !allowed.isEmpty else { throw Problem(.notFound, "There is nothing at this path.") }
    if allowed.contains("GET") { allowed.insert("HEAD") }
    let allow = (name: "Allow", value: allowed.sorted().joined(separator: ", "))
    throw Problem(.methodNotAllowed, "This path takes \(allow.value).", headers: [allow])
  }
}
