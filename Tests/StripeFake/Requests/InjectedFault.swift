/// Something that goes wrong on purpose, for the next so many requests that fit.
package struct InjectedFault: Sendable {
  /// What goes wrong.
  package enum Kind: Sendable, Equatable {
    /// An error instead of an answer; nothing is done. `remembers`: its idempotency key keeps it.
    case error(status: Int, remembers: Bool = false)
    /// The answer is late, by milliseconds.
    case slow(Int64)
    /// The connection breaks before anything is done.
    case dropped
    /// It is done, but the connection breaks before the answer.
    case lostReply
  }

  package var kind: Kind
  /// How many requests; 1 or more.
  package var count: Int
  /// Only of this method, and of paths that begin so.
  package var method: String?
  package var pathPrefix: String
  /// `Stripe-Should-Retry`; nil: not sent.
  package var shouldRetry: Bool?

  /// For the next `count` requests that fit.
  package init(
    _ kind: Kind, count: Int = 1, method: String? = nil, pathPrefix: String = "", shouldRetry: Bool? = nil
  ) {
    self.kind = kind
    self.count = count
    self.method = method
    self.pathPrefix = pathPrefix
    self.shouldRetry = shouldRetry
  }

  func fits(_ request: APIRequest) -> Bool {
    (method == nil || method == request.method) && request.path.hasPrefix(pathPrefix)
  }
}
