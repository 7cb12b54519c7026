internal import Gate
internal import HTTPServing
internal import NIOCore

/// What kind of gateway asks, which decides how an answer must look for it.
enum AuthzGateway: String, CaseIterable {
  /// ext_authz over HTTP.
  case envoy
  /// ForwardAuth; also Caddy, HAProxy, APISIX.
  case traefik
  /// auth_request: passes only 2xx, 401 and 403 on.
  case nginx
  /// nginx proxies to the gate, which answers with `X-Accel-Redirect`.
  case accel
}

/// `ANY /authz/{gateway}/{policy}/…`: price and feature come from the policy alone.
extension GateSession {
  func beginAuthz() {
    purpose = .authz
    gateway = .envoy
    let path = exchange.string(exchange.path)
    let parts = path.split(separator: "/", maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count >= 4, let gateway = AuthzGateway(rawValue: String(parts[2])),
      handler.catalog.catalog.policies[String(parts[3])] != nil
    else { return refuse(Problem(.notFound, "There is no such policy.")) }
    self.gateway = gateway
    policyName = String(parts[3])
    authenticate()
  }

  var policy: Policy? { handler.catalog.catalog.policies[policyName] }

  func fillFromPolicy() -> Problem? {
    guard let policy, let index = handler.catalog.index(of: policy.feature) else {
      return Problem(.notFound, "There is no such policy.")
    }
    let feature = handler.catalog.features[index]
    call.tokens = policy.tokens ?? feature.defaultTokens
    call.takesEstimate = feature.defaultIsP95 && policy.tokens == nil
    call.mode = policy.mode
    call.releaseOnExpiry = feature.onExpire == .release
    if policy.mode == .reserve, let entry {
      call.ttlMilliseconds = Limits.holdSecondsDefault * 1000
      call.holdID = HoldID(operation: call.operation, user: entry.user, tenant: entry.tenant).text
    }
    return nil
  }

  /// Empty, with the headers to copy upstream.
  func answerGateway(_ prepared: PreparedCheck) {
    handler.writer.respond(
      to: exchange, status: 200, requestID: requestID,
      head: { out in
        writeHeaders(prepared, into: &out)
        if gateway == .accel {
          out.writeStaticString("X-Accel-Redirect: ")
          out.writeString(handler.configuration.accelLocation)
          out.writeStaticString("\r\n")
        }
      },
      body: { _ in })
  }

  /// auth_request turns every other status into 500: the status travels in a header.
  func refuseForNginx(_ problem: Problem) {
    handler.writer.respond(
      to: exchange, status: problem.code.status == 503 ? 503 : 403, requestID: requestID, isProblem: true,
      head: { out in
        out.writeStaticString("Tollgate-Status: ")
        out.json(Int64(problem.code.status))
        out.writeStaticString("\r\nTollgate-Code: ")
        out.writeString(problem.code.rawValue)
        out.writeStaticString("\r\n")
        problem.headers?(&out)
      }
    ) { problem.writeBody(into: &$0, docsBase: handler.configuration.docsBase) }
  }
}
