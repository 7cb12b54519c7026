internal import Gate
internal import HTTPServing
internal import NIOCore

/// One connection's request on its way through the data plane: who is calling, what is asked, what the counters
/// say, what is answered. Reused for each request of the connection; `turn` tells apart what comes back for a
/// request that was answered meanwhile.
final class GateSession: CheckCallOwner {
  enum Purpose { case check, usage, settle, release, extend, authz }

  let handler: GateHandler
  /// It has this session as its attachment, and lets go of it when the request is answered and the client gone.
  let exchange: HTTPExchange
  private(set) var call: CheckCall!

  var turn: UInt64 = 0
  var isAnswered = true
  var startedNanoseconds: UInt64 = 0
  /// When an answer must be out that had to go to Postgres.
  var limit = NIODeadline.distantFuture
  private var timeout: Scheduled<Void>?

  var purpose = Purpose.check
  var requestID: RequestID
  var body = GateBody()
  /// Wrong with the request, but said only to a caller whose credential is good.
  var mistake: Problem?
  var isService = false
  var token: TokenHash?
  var entry: Caller?
  var prepared: PreparedCheck?
  /// What a current version stands for: a 402 that rests on it, or the mistake.
  var verified: Problem?
  var attempts = 0
  var gateway = AuthzGateway.envoy
  var hold: HoldID?
  var policyName = ""
  /// The counters didn't answer, and the feature may be allowed without them.
  var isDegraded = false

  static let attemptsMax = 12

  init(handler: GateHandler, exchange: HTTPExchange) {
    self.handler = handler
    self.exchange = exchange
    requestID = RequestID(exchange, made: OperationID())
    call = CheckCall(owner: self)
  }

  // MARK: From the request

  func begin(_ route: Route) {
    turn &+= 1
    isAnswered = false
    // The request before was answered without it: its reply is still to come, and is not ours.
    if call.keeper != nil { call = CheckCall(owner: self) }
    startedNanoseconds = NIODeadline.now().uptimeNanoseconds
    limit = .distantFuture
    requestID = RequestID(exchange, made: OperationID.make(using: &handler.random))
    mistake = nil
    verified = nil
    entry = nil
    prepared = nil
    token = nil
    hold = nil
    isService = false
    isDegraded = false
    attempts = 0
    body = GateBody()
    handler.inFlight += 1
    purpose = route.purpose
    guard handler.inFlight <= handler.configuration.inFlightMax else { return refuse(.overloaded) }
    switch route {
    case .check: beginPost(.check, fields: .check)
    case .usage: beginPost(.usage, fields: .usage)
    case .reservation: beginReservation()
    case .authz: beginAuthz()
    case .control: refuse(Problem(.notFound, "There is nothing here."))
    }
  }

  func beginPost(_ purpose: Purpose, fields: GateBody.Fields) {
    guard exchange.method == .post else {
      return refuse(
        Problem(.methodNotAllowed, "Use POST.", headers: { $0.writeStaticString("Allow: POST\r\n") }))
    }
    self.purpose = purpose
    readBody(fields)
    authenticate()
  }

  /// Reads the body into ``body``; what is wrong with it goes to ``mistake``.
  private func readBody(_ fields: GateBody.Fields) {
    guard !exchange.body.isEmpty else { return }
    if let type = exchange.value(of: .contentType), !MediaType.isJSON(type, of: exchange) {
      mistake = Problem(.unsupportedMediaType, "Send application/json.")
      return
    }
    do {
      try exchange.withSpan(of: exchange.body) { (bytes) throws(JSONScanner.Failure) in
        var scanner = JSONScanner(bytes)
        try scanner.readObject(into: &body, allowed: fields)
      }
    } catch {
      switch error {
      case .malformed: mistake = .malformedJSON
      case .field(let field): mistake = .invalid(field)
      }
    }
  }

  // MARK: Waiting for Postgres

  /// The answer may now take as long as a load may; past that it is 503.
  func allowLoading() {
    guard limit == .distantFuture else { return }
    let configuration = handler.configuration
    let milliseconds =
      purpose == .authz ? configuration.deadlineMilliseconds : configuration.loadMilliseconds
    answer(by: .uptimeNanoseconds(startedNanoseconds) + .milliseconds(milliseconds))
  }

  /// What isn't answered by then is 503.
  func answer(by deadline: NIODeadline) {
    limit = deadline
    timeout?.cancel()
    let turn = turn
    let bound = NIOLoopBound(self, eventLoop: exchange.eventLoop)
    timeout = exchange.eventLoop.scheduleTask(deadline: limit) {
      let session = bound.value
      if session.turn == turn, !session.isAnswered { session.refuse(.unavailable) }
    }
  }

  /// Runs something of the stores', and goes on only if this request still waits for it.
  func load<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws(StoreError) -> Value,
    then: @escaping (Result<Value, StoreError>) -> Void
  ) {
    allowLoading()
    let turn = turn
    exchange.perform({ () async -> Result<Value, StoreError> in
      do throws(StoreError) { return .success(try await operation()) } catch { return .failure(error) }
    }) { result in
      guard self.turn == turn, !self.isAnswered else { return }
      then(result)
    }
  }

  // MARK: Answering

  func refuse(_ problem: Problem) {
    guard finish(problem.code.outcome) else { return }
    if purpose == .authz, gateway == .nginx, problem.code.status != 401 { return refuseForNginx(problem) }
    handler.writer.respond(
      to: exchange, status: problem.code.status, requestID: requestID, isProblem: true,
      head: { problem.headers?(&$0) }
    ) { problem.writeBody(into: &$0, docsBase: handler.configuration.docsBase) }
  }

  /// Marks the request answered; false when it was already.
  func finish(_ outcome: GateMetrics.Outcome) -> Bool {
    guard !isAnswered else { return false }
    isAnswered = true
    handler.inFlight -= 1
    timeout?.cancel()
    timeout = nil
    handler.metrics.count(
      outcome, purpose.route, nanoseconds: NIODeadline.now().uptimeNanoseconds &- startedNanoseconds)
    if outcome.isRefusal, let entry { handler.noteRefusal(of: entry) }
    return true
  }
}

extension ProblemCode {
  var outcome: GateMetrics.Outcome {
    switch self {
    case .tokenMissing: .tokenMissing
    case .tokenInvalid: .tokenInvalid
    case .planRequired: .planRequired
    case .subscriptionInactive: .subscriptionInactive
    case .rateLimited: .rateLimited
    case .concurrencyLimited: .concurrencyLimited
    case .budgetExhausted: .budgetExhausted
    case .storeUnavailable, .overloaded: .unavailable
    case .invalidRequest, .unsupportedMediaType, .bodyTooLarge: .invalidRequest
    default: .other
    }
  }
}

/// `application/json`, with or without parameters.
enum MediaType {
  static func isJSON(_ value: HTTPSlice, of exchange: HTTPExchange) -> Bool {
    // What nearly all send, told without making a text of it.
    exchange.withSpan(of: value) { Route.equals($0, "application/json") } || isJSON(exchange.string(value))
  }

  private static func isJSON(_ value: String) -> Bool {
    let type = value.prefix { $0 != ";" }.lowercased()
    return type.trimmed == "application/json"
  }
}

extension StringProtocol {
  fileprivate var trimmed: SubSequence {
    let head = drop { $0 == " " || $0 == "\t" }
    guard let last = head.lastIndex(where: { $0 != " " && $0 != "\t" }) else {
      return head[head.startIndex..<head.startIndex]
    }
    return head[...last]
  }
}
