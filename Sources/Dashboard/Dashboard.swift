package import AdminAPI
package import Gate
internal import Logging

/// The dashboard on the admin listener: pages in front of the API, for people with an admin key. Whatever a
/// page shows or does, it does by the API's own calls, with the rights of the session's key.
package struct Dashboard: ControlService {
  /// How long people stay signed in.
  package struct SessionLimits: Sendable, Equatable {
    /// Seconds without a request, 60 to 86,400.
    package var idleSeconds: Int64
    /// Seconds in all, 60 to 2,592,000.
    package var seconds: Int64
    /// Half an hour and half a day.
    package init(idleSeconds: Int64 = 1_800, seconds: Int64 = 43_200) {
      self.idleSeconds = idleSeconds
      self.seconds = seconds
    }
  }

  let api: ControlRoutes
  let control: ControlPlane
  let sessions: any SessionStore
  let limits: SessionLimits
  let attempts: SignInAttempts
  let streams: OpenStreams
  /// Every page, with who may see it.
  package let routes: [PageRoute]

  /// Puts pages in front of `api`, which stands on the same `control`.
  package init(
    api: ControlRoutes, control: ControlPlane, sessions: any SessionStore,
    limits: SessionLimits = SessionLimits()
  ) {
    self.api = api
    self.control = control
    self.sessions = sessions
    self.limits = limits
    attempts = SignInAttempts()
    streams = OpenStreams()
    routes = PageRoute.all
  }

  package func bodyBytesMax(path: String) -> Int { api.bodyBytesMax(path: path) }

  package func refuse(_ request: ControlRequest, code: ProblemCode, detail: String) -> ControlResponse {
    api.refuse(request, code: code, detail: detail)
  }

  package func respond(to request: ControlRequest) async -> ControlResponse {
    if api.serves(path: request.path) { return await api.respond(to: request) }
    let segments = PathTemplate.segments(of: request.path)
    let matching = routes.filter { $0.parameters(of: segments) != nil }
    // A program is told about a wrong path as the API tells it; Stripe's deliveries, say, which belong elsewhere.
    let isServed = matching.contains { $0.takes(request.method) }
    if !isServed, !Dashboard.wantsPage(request) { return await api.respond(to: request) }
    var (id, logger) = api.logger(for: request)
    logger[metadataKey: "http.route"] = "\(matching.first?.template ?? "unknown")"
    var visit = Visit(dashboard: self, request: request, logger: logger)
    var response: ControlResponse
    do throws(Problem) {
      response = try await answer(&visit, matching, segments)
    } catch {
      response = visit.problemPage(error)
    }
    if request.method == "HEAD" { response.body = .bytes([]) }
    api.finish(&response, id: id)
    logger.debug("page answered", metadata: ["http.status": "\(response.status)"])
    return response
  }

  /// In this order: is there such a page, does the form come from one of ours, who is it, may they.
  private func answer(
    _ visit: inout Visit, _ matching: [PageRoute], _ segments: [Substring.UTF8View]
  ) async throws(Problem) -> ControlResponse {
    let request = visit.request
    guard let route = matching.first(where: { $0.takes(request.method) }) else {
      guard !matching.isEmpty else { throw Problem(.notFound, "There is no such page.") }
      let allow = (name: "Allow", value: Set(matching.map(\.method)).sorted().joined(separator: ", "))
      throw Problem(.methodNotAllowed, "This page takes \(allow.value).", headers: [allow])
    }
    visit.parameters = route.parameters(of: segments) ?? [:]
    if route.method == "POST" {
      try FormOrigin.check(request)
      visit.form = try Form(request)
    }
    if route.access != .anyone || route.countsAsUse {
      visit.session = try await session(of: request, isUse: route.countsAsUse, visit.logger)
    }
    if route.access != .anyone {
      guard let session = visit.session else { return visit.askToSignIn() }
      guard session.admin.role == .operator || route.access == .viewer else {
        throw Problem(.forbidden, "Your admin key may only read. An operator's key may do this.")
      }
      if route.method == "POST", !session.accepts(csrf: visit.form.text("csrf")) {
        throw Problem(.forbidden, "This form is of another session. Load the page anew and try again.")
      }
    }
    do { return try await route.handle(visit) } catch {
      throw Problem.from(error, logger: visit.logger)
    }
  }

  private static func wantsPage(_ request: ControlRequest) -> Bool {
    request.values(of: "Accept").contains { $0.contains("text/html") }
  }
}
