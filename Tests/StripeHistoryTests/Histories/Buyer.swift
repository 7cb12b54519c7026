import Gate
import StripeFake

/// Somebody who buys, and by what Stripe's events lead to the account.
struct Buyer: Sendable {
  /// What of the clues there is at the sign-up.
  enum Clue: CaseIterable, Sendable {
    /// `user_id` or `tenant_id` on session and subscription, as our own checkout sets it.
    case metadata
    /// The session's `client_reference_id` alone: nothing else fits before the session came.
    case reference
    /// The customer was made when the account was.
    case customer
    /// The email that was typed is the user's.
    case email
  }

  var account: AccountID
  var clue: Clue
  /// At Stripe, once there is one.
  var customer: String?
  /// The account has its customer from the start.
  var isLinked: Bool { clue == .customer }
  var email: String { clue == .email ? storedEmail : "typed-\(account.id)@example.com" }
  /// As the user's row has it.
  var storedEmail: String { "\(account.id)@example.com" }

  /// Of what our own checkout puts on session and subscription.
  var metadata: [String: String] {
    guard clue == .metadata else { return [:] }
    return account.kind == .user ? ["user_id": account.id] : ["tenant_id": account.id]
  }
}

extension SplitMix {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func pick<Item>(_ items: [Item]) -> Item? { items.randomElement(using: &self) }
}
