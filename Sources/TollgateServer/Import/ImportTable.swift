internal import AdminAPI
internal import Gate
internal import PostgresStore

/// What is wrong with a line of an import, or with a key.
struct ImportMistake: Error, Equatable {
  /// Of a file, from 1; nil for a key.
  var line: Int64?
  /// Of a Redis; nil for a line.
  var key: String?
  /// nil: the line as a whole.
  var field: String?
  /// Goes on from the field's name.
  var message: String
}

/// The columns of an import's file, and what may stand in them.
struct ImportTable {
  enum Column: String, CaseIterable {
    case user, email, plan, tenant, remaining
    case stripeCustomerID = "stripe_customer_id"
    case tokenHash = "token_hash"
    case tokenLabel = "token_label"
    case tokenExpiresAt = "token_expires_at"
  }

  private let columns: [Column]
  private let catalog: Catalog
  private let now: Instant
  /// Where a token, or what is left of a user, was named first.
  private var tokenLines: [TokenHash: Int64] = [:]
  private var remainingLines: [String: Int64] = [:]

  /// Reads the first line, which names the columns in any order.
  init(head: CSVReader.Record, catalog: Catalog, now: Instant) throws(ImportMistake) {
    var columns: [Column] = []
    for name in head.fields {
      guard let column = Column(rawValue: name) else {
        let known = Column.allCases.map(\.rawValue).joined(separator: ", ")
        throw ImportMistake(
          line: head.line, message: "names a column `\(name.prefix(64))`; there are \(known)")
      }
      guard !columns.contains(column) else {
        throw ImportMistake(line: head.line, field: name, message: "is named twice")
      }
      columns.append(column)
    }
    guard columns.contains(.user) else {
      throw ImportMistake(
        line: head.line, message: "names no column `user`: the first line names the columns")
    }
    self.columns = columns
    self.catalog = catalog
    self.now = now
  }

  /// What a line says; with all that is wrong with it, nothing.
  mutating func read(_ record: CSVReader.Record) -> (account: ImportedAccount?, mistakes: [ImportMistake]) {
    guard record.fields.count == columns.count else {
      let message = "has \(record.fields.count) fields, and the first line has \(columns.count)"
      return (nil, [ImportMistake(line: record.line, message: message)])
    }
    var account = ImportedAccount(line: record.line, user: "")
    var mistakes: [ImportMistake] = []
    for (column, text) in zip(columns, record.fields) {
      if text.isEmpty, column != .user { continue }
      do throws(FieldRefusal) {
        try set(column, text, of: &account)
      } catch {
        mistakes.append(
          ImportMistake(line: record.line, field: column.rawValue, message: error.description))
      }
    }
    mistakes += repeated(account)
    if account.tokenHash == nil, account.tokenLabel != nil || account.tokenExpiresAt != nil, mistakes.isEmpty
    {
      mistakes.append(
        ImportMistake(
          line: record.line, field: "token_hash", message: "is missing: the line tells of a token"))
    }
    return mistakes.isEmpty ? (account, []) : (nil, mistakes)
  }

  private func set(
    _ column: Column, _ text: String, of account: inout ImportedAccount
  ) throws(FieldRefusal) {
    switch column {
    case .user: account.user = try FieldText.identifier(text)
    case .email: account.email = try FieldText.email(text)
    case .plan:
      account.plan = try FieldText.identifier(text)
      guard catalog.plans[text] != nil else {
        throw FieldRefusal(message: "is not a plan of the config file")
      }
    case .tenant: account.tenant = try FieldText.identifier(text)
    case .remaining: account.remaining = try FieldText.integer(text, 0...Limits.tokensMax)
    case .stripeCustomerID: account.stripeCustomerID = try FieldText.identifier(text)
    case .tokenHash:
      guard let hash = ImportTable.hash(text) else {
        throw FieldRefusal(message: "must be the SHA-256 of the whole token as 64 hexadecimal digits")
      }
      account.tokenHash = hash
    case .tokenLabel: account.tokenLabel = try FieldText.words(text, bytesMax: 200)
    case .tokenExpiresAt: account.tokenExpiresAt = try FieldText.future(text, now: now)
    }
  }

  /// What may stand on one line alone.
  private mutating func repeated(_ account: ImportedAccount) -> [ImportMistake] {
    var mistakes: [ImportMistake] = []
    if let hash = account.tokenHash {
      if let first = tokenLines[hash] {
        mistakes.append(
          ImportMistake(line: account.line, field: "token_hash", message: "is on line \(first) already"))
      } else {
        tokenLines[hash] = account.line
      }
    }
    if account.remaining != nil {
      if let first = remainingLines[account.user] {
        let message = "of this user is on line \(first) already"
        mistakes.append(ImportMistake(line: account.line, field: "remaining", message: message))
      } else {
        remainingLines[account.user] = account.line
      }
    }
    return mistakes
  }

  /// Hexadecimal digits in either case, also as Postgres writes a bytea: `\x…`.
  private static func hash(_ text: String) -> TokenHash? {
    var digits = Array(text.utf8)
    if digits.starts(with: [0x5C, 0x78]) { digits.removeFirst(2) }
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = digit(digits[index]), let low = digit(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return TokenHash(bytes: bytes)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
