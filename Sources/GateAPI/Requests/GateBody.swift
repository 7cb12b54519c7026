/// The fields that bodies of the data plane may have. Each endpoint allows some of them; all others are refused.
package struct GateBody {
  package struct Fields: OptionSet {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    static let feature = Fields(rawValue: 1)
    static let tokens = Fields(rawValue: 2)
    static let mode = Fields(rawValue: 4)
    static let user = Fields(rawValue: 8)
    static let ttl = Fields(rawValue: 16)
    static let partial = Fields(rawValue: 32)
    static let metadata = Fields(rawValue: 64)
    static let outcome = Fields(rawValue: 128)
    static let occurredAt = Fields(rawValue: 256)
    static let explain = Fields(rawValue: 512)
    static let usedSoFar = Fields(rawValue: 1024)

    /// Those of `POST /v1/check`.
    package static let check: Fields = [
      .feature, .tokens, .mode, .user, .ttl, .partial, .metadata, .explain,
    ]
    static let settle: Fields = [.tokens, .outcome, .metadata, .user]
    static let extend: Fields = [.tokens, .ttl, .usedSoFar, .user]
    static let release: Fields = [.outcome, .metadata, .user]
    static let usage: Fields = [.user, .feature, .tokens, .occurredAt, .metadata]
  }

  var given: Fields = []
  package internal(set) var feature: String?
  /// 0 to 10¹⁵−1.
  package internal(set) var tokens: Int64?
  var mode: String?
  var user: String?
  var ttlSeconds: Int64?
  var partial = false
  var explain = false
  var usedSoFar: Int64?
  /// The object as it was sent.
  var metadata: String?
  var outcome: String?
  var occurredAt: String?

  /// Without any field.
  package init() {}
}

/// What is wrong with a request, for `errors` in the problem.
package struct FieldError: Equatable, Sendable {
  var field: String
  var message: String
}
