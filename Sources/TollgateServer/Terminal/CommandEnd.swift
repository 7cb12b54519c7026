package import Signatures

/// Why a command was refused or failed, in words for its caller.
package struct CommandFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line, lower case at its beginning.
  package let description: String

  /// The words.
  package init(_ description: String) { self.description = description }
}

/// How a command ends: its status, and its one line on standard error.
package enum CommandEnd {
  /// Done.
  package static let done: Int32 = 0
  /// Refused or failed.
  package static let failed: Int32 = 1
  /// Wrong usage.
  package static let wrongUsage: Int32 = 2

  /// The contract's status for that of the argument parser, which follows BSD's sysexits.
  package static func status(ofParser status: Int32) -> Int32 {
    switch status {
    case 0: done
    case 64: wrongUsage
    default: failed
    }
  }

  /// The line for a failure: `tollgate: …`.
  package static func line(_ error: any Error) -> String { line("\(words(error))") }

  /// The line for words at hand.
  package static func line(_ words: String) -> String { "tollgate: " + Printable.line(words) }

  /// Errors of Swift's and the packages' own describe themselves; ours that are made for programs don't.
  private static func words(_ error: any Error) -> String {
    switch error {
    case let refusal as WebhookSecrets.Refusal: "TOLLGATE_STRIPE_WEBHOOK_SECRETS: \(words(refusal))"
    case is CancellationError: "it was given up"
    default: "\(error)"
    }
  }

  /// Tells which secret by its place, from 1; never its text.
  package static func words(_ refusal: WebhookSecrets.Refusal) -> String {
    switch refusal {
    case .none: "there is no secret"
    case .empty(let index): "secret \(index + 1) is empty"
    case .placeholder(let index): "secret \(index + 1) is a placeholder left from an example"
    case .unprintable(let index): "secret \(index + 1) has spaces or line breaks in it"
    }
  }
}
