import Gate

/// Whose an object is: the clues of STRIPE.md, in its order. Metadata goes first, for a person or our own
/// checkout wrote it on purpose; an email goes last, for anyone may type one.
struct OwnerClues {
  private(set) var clues: [OwnerClue] = []

  mutating func add(metadata: [String: String]) {
    if let user = metadata["user_id"] { add(.user(user)) }
    for key in ["tenant_id", "tenantId", "company_id"] {
      if let tenant = metadata[key] { add(.tenant(tenant)) }
    }
  }
  mutating func add(reference: String?) { if let reference { add(.reference(reference)) } }
  mutating func add(subscription: String?) { if let subscription { add(.subscription(subscription)) } }
  mutating func add(customer: String?) { if let customer { add(.customer(customer)) } }
  mutating func add(email: String?) { if let email { add(.email(email)) } }

  private mutating func add(_ clue: OwnerClue) {
    if !clues.contains(clue) { clues.append(clue) }
  }
}
