internal import Gate
internal import HTTPServing
internal import NIOCore

/// From a request's fields to the question.
extension GateSession {
  /// Fills ``call``; the first thing that is wrong comes back.
  func fillCall() -> Problem? {
    call.reset()
    call.operation = OperationID.make(using: &handler.random)
    if purpose == .authz { return fillFromPolicy() }
    if let problem = fillFeatureAndTokens() { return problem }
    if purpose == .usage {
      if let time = body.occurredAt {
        guard let instant = Instant(rfc3339: time) else {
          return .invalid(FieldError(field: "occurred_at", message: "must be a time in RFC 3339"))
        }
        call.occurredAt = instant
      }
      call.afterTheFact = true
      call.mode = .spend
    } else if let problem = fillMode() {
      return problem
    }
    guard isService || !body.explain else {
      return Problem(.forbidden, "Only a service key may have a decision explained.")
    }
    call.explains = body.explain
    call.partial = body.partial
    call.metadata = body.metadata
    return fillIdempotency()
  }

  private func fillFeatureAndTokens() -> Problem? {
    if purpose == .check, let header = exchange.value(of: .tollgateFeature).map({ exchange.string($0) }) {
      if let named = body.feature, named != header {
        return .invalid(FieldError(field: "feature", message: "differs from X-Tollgate-Feature"))
      }
      body.feature = header
    }
    let name = body.feature ?? handler.catalog.catalog.defaultFeature
    guard let index = handler.catalog.index(of: name) else {
      return .invalid(FieldError(field: "feature", message: "is not a feature that this gate knows"))
    }
    let feature = handler.catalog.features[index]
    if purpose == .check, let header = exchange.value(of: .tollgateTokens).map({ exchange.string($0) }) {
      guard header.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let tokens = Int64(header),
        tokens <= Limits.tokensMax
      else {
        return .invalid(
          FieldError(field: "X-Tollgate-Tokens", message: "must be an integer from 0 to \(Limits.tokensMax)"))
      }
      if let asked = body.tokens, asked != tokens {
        return .invalid(FieldError(field: "tokens", message: "differs from X-Tollgate-Tokens"))
      }
      body.tokens = tokens
    }
    if purpose == .usage, body.tokens == nil {
      return .invalid(FieldError(field: "tokens", message: "is required"))
    }
    let tokens = body.tokens ?? feature.defaultTokens
    // An extension is not trusted about its own price.
    call.tokens = isService ? tokens : max(tokens, feature.minTokens)
    call.takesEstimate = feature.defaultIsP95 && body.tokens == nil && purpose == .check
    call.paysEstimateAtLeast = feature.minIsP95 && !isService
    call.releaseOnExpiry = feature.onExpire == .release
    return nil
  }

  private func fillMode() -> Problem? {
    let header = exchange.value(of: .tollgateMode).map { exchange.string($0) }
    if let header, let named = body.mode, header != named {
      return .invalid(FieldError(field: "mode", message: "differs from X-Tollgate-Mode"))
    }
    if let text = body.mode ?? header {
      guard let mode = CheckMode(rawValue: text) else {
        return .invalid(FieldError(field: "mode", message: "must be spend, reserve or peek"))
      }
      call.mode = mode
    }
    if call.mode == .reserve, let entry {
      call.ttlMilliseconds = (body.ttlSeconds ?? Limits.holdSecondsDefault) * 1000
      call.holdID = HoldID(operation: call.operation, user: entry.user, tenant: entry.tenant).text
    }
    return nil
  }

  private func fillIdempotency() -> Problem? {
    guard let value = exchange.value(of: .idempotencyKey) else { return nil }
    let key = exchange.string(value)
    let visible = key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    guard visible, !key.isEmpty, key.utf8.count <= Limits.idempotencyKeyBytesMax,
      !exchange.isRepeated(.idempotencyKey)
    else {
      return .invalid(
        FieldError(
          field: "Idempotency-Key",
          message: "must be 1 to \(Limits.idempotencyKeyBytesMax) visible ASCII characters, sent once"))
    }
    guard call.mode != .peek else { return nil }
    call.idempotencyKey = HexDigest.text(handler.hash("\(purpose == .usage ? "usage" : "check") \(key)"))
    let request = [
      body.feature ?? handler.catalog.catalog.defaultFeature, String(call.tokens), call.mode.rawValue,
      String(call.ttlMilliseconds), String(call.partial), body.occurredAt ?? "", body.metadata ?? "",
    ]
    call.fingerprint = String(HexDigest.text(handler.hash(request.joined(separator: "\u{1F}"))).prefix(32))
    return nil
  }
}

/// A digest in lower-case hex.
enum HexDigest {
  static func text(_ hash: TokenHash) -> String {
    String(decoding: hash.bytes.flatMap { [digit($0 >> 4), digit($0 & 15)] }, as: UTF8.self)
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
