package import Gate

/// What one line of an import says of a user; nil leaves as it is what is stored.
package struct ImportedAccount: Sendable, Equatable {
  /// Where it is from, from 1: told with what is refused.
  package var line: Int64
  /// Made where there is none.
  package var user: String
  package var email: String?
  /// A plan of the config file.
  package var plan: String?
  package var tenant: String?
  package var stripeCustomerID: String?
  /// Of the whole token, prefix included.
  package var tokenHash: TokenHash?
  package var tokenLabel: String?
  package var tokenExpiresAt: Instant?
  /// What is left in all, 0 to 10¹⁵−1.
  package var remaining: Int64?

  package init(line: Int64, user: String) {
    self.line = line
    self.user = user
  }
}

/// Of which import a batch is.
package struct AccountImportRun: Sendable {
  /// What is left is taken over once per user and name, however often the import runs. 1 to 64 visible ASCII.
  package var name: String
  /// Does everything and takes it back: what would be done, and what would be refused.
  package var isTrial: Bool
  package var actor: String
  /// When the periods of the budgets begin.
  package var now: Instant

  package init(name: String, isTrial: Bool, actor: String, now: Instant) {
    self.name = name
    self.isTrial = isTrial
    self.actor = actor
    self.now = now
  }
}

/// Why a line was left out, or its budget was.
package struct ImportRefusal: Sendable, Equatable {
  package var line: Int64
  package var field: String
  /// Goes on from the field's name: "is not a known tenant".
  package var message: String

  package init(line: Int64, field: String, message: String) {
    self.line = line
    self.field = field
    self.message = message
  }
}

/// What a batch came to.
package struct AccountImportOutcome: Sendable, Equatable {
  package var usersMade: Int64 = 0
  package var usersChanged: Int64 = 0
  package var tokensIssued: Int64 = 0
  package var budgetsSet: Int64 = 0
  /// Lines that said nothing new.
  package var unchanged: Int64 = 0
  package var refusals: [ImportRefusal] = []
  /// Users that were there before and have changed: Redis may know them as they were.
  package var toPublish: Set<String> = []

  package init() {}
}

extension ImportedAccount {
  /// As the batch's statements read it.
  static func json(_ accounts: [ImportedAccount]) -> String {
    var json = JSONText()
    json.raw("[")
    for (index, account) in accounts.enumerated() {
      if index > 0 { json.raw(",") }
      json.raw("{")
      json.field("line", account.line)
      json.field("u", account.user)
      json.field("e", account.email)
      json.field("p", account.plan)
      json.field("t", account.tenant)
      json.field("c", account.stripeCustomerID)
      json.field(
        "h", account.tokenHash.map { String(decoding: PostgresArray.hexadecimal($0.bytes), as: UTF8.self) })
      json.field("l", account.tokenLabel)
      json.field("x", account.tokenExpiresAt?.milliseconds)
      json.field("r", account.remaining)
      json.closeObject()
    }
    json.raw("]")
    return json.text
  }
}
