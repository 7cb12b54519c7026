internal import AdminAPI
internal import Gate

/// Tokens given and taken back by hand, and the reset, of users and tenants.
enum GrantForms {
  static let all = AccountID.Kind.allCases.flatMap { kind in
    let place = "/\(kind.rawValue)s/{id}"
    return PageRoute.action(
      "\(place)/grant", form: { try await grantForm($0, kind) }, do: { try await grant($0, kind) })
      + PageRoute.action(
        "\(place)/reset", form: { try await resetForm($0, kind) }, do: { try await reset($0, kind) })
      + PageRoute.action(
        "\(place)/grants/{grant}/revoke", form: { try await revokeForm($0, kind) },
        do: { try await revoke($0, kind) })
  }

  private static func account(_ visit: Visit, _ kind: AccountID.Kind) async throws(Problem) -> AccountParts {
    let parts = AccountParts(visit: visit, account: AccountID(kind, try visit.name("id")))
    _ = try await visit.get("/admin/v1/\(kind.rawValue)s/{id}", ["id": parts.account.id])
    return parts
  }

  private static func section(_ kind: AccountID.Kind) -> Navigation.Section {
    kind == .user ? .users : .tenants
  }

  private static let reason = ActionForm.Field(
    name: "reason", label: "Reason", hint: "Stands in the audit log.", isRequired: true)

  private static func reasonIsThere(_ visit: Visit) throws(Problem) {
    guard visit.form.text("reason") != nil else { throw .invalid("reason", "is required") }
  }

  // MARK: Grants

  private static func grantForm(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ActionForm {
    let parts = try await account(visit, kind)
    return ActionForm(
      title: "Grant tokens to \(parts.account.id)", section: section(kind),
      says: [
        "They come on top of what is left and can be spent at once. Of several grants the one that expires "
          + "first is spent first."
      ],
      fields: [
        .init(name: "tokens", label: "Tokens", kind: .number, isRequired: true),
        .init(
          name: "expires_at", label: "Expires (UTC)", hint: "Empty: they stay until they are spent.",
          kind: .time),
        reason,
      ], button: "Grant tokens", back: parts.path)
  }

  private static func grant(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let parts = try await account(visit, kind)
    try reasonIsThere(visit)
    try await visit.write(
      "POST", "/admin/v1/\(kind.rawValue)s/{id}/grants", ["id": parts.account.id],
      visit.form.body([("tokens", .number), ("expires_at", .time), ("reason", .text)]))
    return visit.redirect(to: parts.path, done: .granted)
  }

  private static func revokeForm(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ActionForm {
    let parts = try await account(visit, kind)
    let grant = try visit.name("grant")
    let report = try await visit.get("/admin/v1/\(kind.rawValue)s/{id}/budget", ["id": parts.account.id])
    let found = (report["grants"] ?? .null).items.first { $0["id"]?.text == grant }
    guard let found else { throw Problem(.notFound, "There is no live grant \(grant) of this account.") }
    let rest = Wording.count(found["remaining"]?.number ?? 0)
    let whole = Wording.count(found["tokens"]?.number ?? 0)
    return ActionForm(
      title: "Take back \(grant)", section: section(kind),
      says: [
        "What is left of this \(found["kind"]?.text ?? "") grant, \(rest) of \(whole) tokens, can't be spent "
          + "any more. What was used of it stays in the books.",
        "This can't be undone; you can grant as many tokens again.",
      ],
      button: "Take back \(rest) tokens", isDestructive: true, back: parts.path)
  }

  private static func revoke(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let parts = try await account(visit, kind)
    try await visit.write(
      "DELETE", "/admin/v1/\(kind.rawValue)s/{id}/grants/{grant}",
      ["id": parts.account.id, "grant": try visit.name("grant")])
    return visit.redirect(to: parts.path, done: .grantRevoked)
  }

  // MARK: Reset

  private static func resetForm(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ActionForm {
    let parts = try await account(visit, kind)
    let report = try await visit.get("/admin/v1/\(kind.rawValue)s/{id}/budget", ["id": parts.account.id])
    let budget = report["budget"] ?? .null
    let used = Wording.count(budget["used"]?.number ?? 0)
    let held = budget["held"]?.number ?? 0
    var says = [
      "The current period's grant is replaced by a new one of the plan, as if the period began now. "
        + "\(used) tokens are used at the moment; they stay in the books, and don't count any more.",
      "Tokens granted by hand or bought stay as they are.",
    ]
    if held > 0 {
      says.append("\(Wording.count(held)) tokens are held by open requests; those end in the old period.")
    }
    return ActionForm(
      title: "Reset the budget of \(parts.account.id)", section: section(kind), says: says,
      fields: [reason], button: "Reset budget", isDestructive: true, back: parts.path)
  }

  private static func reset(_ visit: Visit, _ kind: AccountID.Kind) async throws -> ControlResponse {
    let parts = try await account(visit, kind)
    try reasonIsThere(visit)
    try await visit.write(
      "POST", "/admin/v1/\(kind.rawValue)s/{id}/budget/reset", ["id": parts.account.id],
      visit.form.body([("reason", .text)]))
    return visit.redirect(to: parts.path, done: .reset)
  }
}
