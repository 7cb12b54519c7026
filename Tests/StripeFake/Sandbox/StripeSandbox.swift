/// An account with the API before it: requests in, answers out. A value without IO; what goes over sockets is
/// the server's, what stays in the process ``SandboxTransport``.
package struct StripeSandbox: Sendable {
  /// What is to be done with a request.
  package enum Admission: Sendable {
    case answer(APIResponse)
    /// Run it after so many milliseconds; until then its idempotency key is in use.
    case run(Ticket, afterMilliseconds: Int64)
    /// The connection breaks.
    case drop
  }

  /// A request that was let in.
  package struct Ticket: Sendable {
    var request: APIRequest
    var requestID: String
    var key: String?
    var losesReply = false
  }

  package var account: StripeAccount
  /// How the API's answers are written where the caller sends no `Stripe-Version`, and all events.
  package var rendering: Rendering
  /// The only key that is taken; nil takes every test key.
  package var apiKey: String?
  /// Every request is answered 429.
  package var isRateLimited = false
  /// What goes wrong next.
  package var faults: [InjectedFault] = []
  /// Where the account's events go.
  package var webhooks = WebhookQueue()
  /// Further events that count as not delivered, for ``/v1/events``.
  package var undelivered: Set<String> = []
  private var keys = IdempotencyKeys()

  /// The API of an account.
  package init(_ account: StripeAccount, rendering: Rendering = Rendering(), apiKey: String? = nil) {
    self.account = account
    self.rendering = rendering
    self.apiKey = apiKey
  }

  /// Takes a request in: authentication, limits, faults that were injected, idempotency.
  package mutating func admit(_ request: APIRequest) -> Admission {
    let requestID = account.newID("req_")
    if let refusal = authenticate(request) { return .answer(finished(APIResponse(refusal), requestID)) }
    if isRateLimited {
      let fault = StripeFault(
        "Request rate limit exceeded. Learn more about rate limits here "
          + "https://stripe.com/docs/rate-limits.", status: 429, code: "rate_limit")
      return .answer(finished(APIResponse(fault), requestID))
    }
    let key = request.method == "POST" ? request.headers["idempotency-key"] : nil
    if let key, !(1...255).contains(key.count) {
      let fault = StripeFault("Idempotency-Key must have 1 to 255 characters.", type: "idempotency_error")
      return .answer(finished(APIResponse(fault), requestID))
    }
    if let key {
      switch keys.begin(key, request, now: account.now) {
      case .unknown: break
      case .refused(let fault): return .answer(finished(APIResponse(fault), requestID, key: key))
      case .replay(var response):
        let original = response.header("request-id") ?? ""
        response.headers = [
          .init(name: "Idempotent-Replayed", value: "true"), .init(name: "Original-Request", value: original),
        ]
        return .answer(finished(response, requestID, key: key))
      }
    }
    var ticket = Ticket(request: request, requestID: requestID, key: key)
    guard let fault = takeFault(request) else { return .run(ticket, afterMilliseconds: 0) }
    switch fault.kind {
    case .slow(let milliseconds): return .run(ticket, afterMilliseconds: milliseconds)
    case .dropped:
      if let key { keys.end(key, nil) }
      return .drop
    case .lostReply:
      ticket.losesReply = true
      return .run(ticket, afterMilliseconds: 0)
    case .error(let status, let remembers):
      var response = APIResponse(StripeFault("An unknown error occurred", status: status, type: "api_error"))
      if let word = fault.shouldRetry {
        response.headers.append(.init(name: "Stripe-Should-Retry", value: word ? "true" : "false"))
      }
      response = finished(response, requestID, key: key)
      if let key { keys.end(key, remembers ? response : nil) }
      return .answer(response)
    }
  }

  /// Does what was let in; nil when the answer gets lost.
  package mutating func run(_ ticket: Ticket) -> APIResponse? {
    let response = finished(execute(ticket), ticket.requestID, key: ticket.key)
    // What failed before anything was done may be sent again, mended, under the same key.
    let wasDone = (200..<300).contains(response.status) || response.status == 402
    if let key = ticket.key { keys.end(key, wasDone ? response : nil) }
    return ticket.losesReply ? nil : response
  }

  private mutating func execute(_ ticket: Ticket) -> APIResponse {
    let request = ticket.request
    var parameters = Parameters(form: request.method == "GET" ? request.query : request.body)
    if request.method == "DELETE", request.body.isEmpty { parameters = Parameters(form: request.query) }
    var rendering = rendering
    if let version = request.headers["stripe-version"] {
      guard let shape = PayloadShape(apiVersion: version) else {
        return APIResponse(StripeFault("Invalid Stripe API version: \(version)"))
      }
      if rendering.shape != .both { rendering.shape = shape }
    }
    let routes = APIRoute.all.lazy.compactMap { route in route.id(request.path).map { (route, $0) } }
    guard let (route, id) = routes.first(where: { $0.0.method == request.method }) else {
      return APIResponse(
        StripeFault(
          "Unrecognized request URL (\(request.method): \(request.path)). Please see "
            + "https://stripe.com/docs or we can help at https://support.stripe.com/.", status: 404))
    }
    let expand = parameters.texts("expand")
    let undelivered = request.path.hasPrefix("/v1/events") ? undelivered.union(webhooks.undelivered) : []
    var call = APICall(id: id, parameters: parameters, rendering: rendering, undelivered: undelivered)
    // On a copy, so that what is refused has changed nothing.
    var attempt = account
    attempt.request = (ticket.requestID, ticket.key)
    do {
      let json = try route.handler(&attempt, &call)
      let expanded = try attempt.expand(json, expand, rendering)
      attempt.request = nil
      account = attempt
      return APIResponse(200, expanded)
    } catch {
      attempt.request = nil
      // A card that was declined was tried all the same.
      if error.status == 402 { account = attempt }
      return APIResponse(error)
    }
  }

  func authenticate(_ request: APIRequest) -> StripeFault? {
    var key: String?
    if let header = request.headers["authorization"] {
      if header.hasPrefix("Bearer ") { key = String(header.dropFirst(7)) }
      if header.hasPrefix("Basic ") {
        // `key:`, the password empty.
        key = Base64.decode(header.dropFirst(6)).map { String($0.prefix { $0 != ":" }) }
      }
    }
    guard let key, !key.isEmpty else {
      return StripeFault(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using "
          + "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').", status: 401)
    }
    guard apiKey.map({ $0 == key }) ?? (key.hasPrefix("sk_test_") || key.hasPrefix("rk_test_")) else {
      return StripeFault("Invalid API Key provided: \(key.prefix(8))****\(key.suffix(4))", status: 401)
    }
    return nil
  }

  private mutating func takeFault(_ request: APIRequest) -> InjectedFault? {
    guard let index = faults.firstIndex(where: { $0.fits(request) }) else { return nil }
    let fault = faults[index]
    faults[index].count -= 1
    if faults[index].count <= 0 { faults.remove(at: index) }
    return fault
  }

  private func finished(_ response: APIResponse, _ requestID: String, key: String? = nil) -> APIResponse {
    var response = response
    response.headers.append(.init(name: "Request-Id", value: requestID))
    response.headers.append(.init(name: "Stripe-Version", value: rendering.shape.apiVersion))
    if let key { response.headers.append(.init(name: "Idempotency-Key", value: key)) }
    return response
  }
}
