internal import Billing
internal import Gate
package import Logging

extension Problem {
  /// The one place where failures become statuses. A cause goes to the log, never to the caller.
  package static func from(_ error: any Error, logger: Logger) -> Problem {
    switch error {
    case let problem as Problem: problem
    case let error as StoreError: from(error, logger: logger)
    case let error as BillingFault: from(error, logger: logger)
    case is CancellationError: Problem(.storeUnavailable, "The request was given up.", headers: [retryAfter])
    default: defect(String(reflecting: type(of: error)), logger: logger)
    }
  }

  static let retryAfter = (name: "Retry-After", value: "1")

  private static func from(_ error: StoreError, logger: Logger) -> Problem {
    switch error {
    case .unavailable(let cause):
      logger.warning("store unavailable", metadata: ["error.cause": "\(cause)"])
      return Problem(
        .storeUnavailable, "A store did not answer; what became of the request is not known.",
        headers: [retryAfter])
    case .notFound(let what): return .notFound("such \(what)")
    case .conflict(let what): return Problem(.conflict, sentence(what))
    case .invalid(let field, let message): return .invalid(field, message)
    case .internalError(let cause): return defect(cause, logger: logger)
    }
  }

  private static func from(_ error: BillingFault, logger: Logger) -> Problem {
    switch error {
    case .notConfigured:
      return Problem(.stripeNotConfigured, "This needs a Stripe API key, and none is configured.")
    case .refused(let message): return Problem(.conflict, sentence(message))
    case .invalid(let field, let message): return .invalid(field, message)
    case .stripe(let error):
      logger.warning("stripe failed", metadata: ["error.cause": "\(error)"])
      let remedy = error.isTransient ? " Try again later." : ""
      return Problem(
        .stripeError, error.sentence + remedy, headers: error.isTransient ? [retryAfter] : [])
    case .store(let error): return from(error, logger: logger)
    }
  }

  /// Stores say it in half a sentence.
  private static func sentence(_ text: String) -> String {
    let text = text.prefix(1).uppercased() + text.dropFirst()
    return text.last == "." ? text : text + "."
  }

  private static func defect(_ cause: String, logger: Logger) -> Problem {
    logger.error("request failed", metadata: ["error.cause": "\(cause)"])
    return Problem(.internalError, "The request could not be completed; the log has the reason.")
  }
}
