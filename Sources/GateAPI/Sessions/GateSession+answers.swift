internal import Gate
internal import HTTPServing
internal import NIOCore

/// The answers that allow.
extension GateSession {
  func answerAllowed() {
    guard let prepared, finish(allowedOutcome) else { return }
    if let entry { handler.noteUse(of: entry, at: call.numbers.now) }
    if !call.numbers.shadowed.isEmpty { handler.metrics.count(call.numbers.shadowed) }
    if purpose == .authz { return answerGateway(prepared) }
    let isReplay = call.verdict == .replayed
    handler.writer.respond(
      to: exchange, status: 200, requestID: requestID,
      head: { out in
        if isReplay { out.writeStaticString("Idempotency-Replayed: true\r\n") }
        if purpose == .check {
          writeHeaders(prepared, into: &out)
        } else {
          writeDegradedHeader(into: &out)
        }
      }
    ) { out in
      if purpose == .usage {
        out.json("{\"budget\":")
        out.json(call.numbers.budget)
        writeDegradedMember(into: &out)
        out.json("}")
      } else {
        writeAllowed(prepared, into: &out)
      }
    }
  }

  private func writeAllowed(_ prepared: PreparedCheck, into out: inout ByteBuffer) {
    let caller = prepared.caller
    out.json("{\"allowed\":true,\"user\":")
    out.json(string: caller.user)
    out.json(",\"tenant\":")
    out.json(stringOrNull: caller.tenant)
    out.json(",\"plan\":")
    out.json(stringOrNull: caller.rights.entitlement.plan?.name)
    out.json(",\"feature\":")
    out.json(string: prepared.feature.name)
    out.json(",\"mode\":\"")
    out.json(call.mode == .spend ? "spend" : call.mode == .reserve ? "reserve" : "peek")
    out.json("\",\"tokens\":")
    out.json(call.numbers.granted)
    if let hold = answeredHold {
      out.json(",\"reservation\":{\"id\":")
      out.json(string: hold)
      out.json(",\"expires_at\":")
      out.json(Instant(milliseconds: call.numbers.detail))
      out.json("},\"budget\":")
    } else {
      out.json(",\"reservation\":null,\"budget\":")
    }
    out.json(call.numbers.budget)
    if call.explains, !isDegraded { writeRules(call.rules, refusedBy: nil, into: &out) }
    writeDegradedMember(into: &out)
    out.json("}")
  }

  private var allowedOutcome: GateMetrics.Outcome {
    isDegraded ? .degraded : call.verdict == .replayed ? .replayed : .allowed
  }

  /// The hold that this answer is about: of a replay, the one that the first answer made.
  var answeredHold: String? {
    guard call.mode == .reserve else { return nil }
    return call.verdict == .replayed ? call.replayedHold : call.holdID
  }

  /// `RateLimit*`, and what gateways copy upstream.
  func writeHeaders(_ prepared: PreparedCheck, into out: inout ByteBuffer) {
    let caller = prepared.caller
    RateLimitHeaders(
      requests: caller.rights.entitlement.limits.requests, numbers: call.numbers, isRequestRateUsedUp: false,
      isDegraded: isDegraded
    ).write(into: &out)
    writeDegradedHeader(into: &out)
    out.writeStaticString("Tollgate-User: ")
    out.writeString(caller.user)
    if let tenant = caller.tenant {
      out.writeStaticString("\r\nTollgate-Tenant: ")
      out.writeString(tenant)
    }
    if let plan = caller.rights.entitlement.plan?.name {
      out.writeStaticString("\r\nTollgate-Plan: ")
      out.writeString(plan)
    }
    out.writeStaticString("\r\nTollgate-Remaining: ")
    out.json(call.numbers.budget.remaining)
    if let hold = answeredHold {
      out.writeStaticString("\r\nTollgate-Reservation: ")
      out.writeString(hold)
    }
    out.writeStaticString("\r\n")
  }
}
