internal import AdminAPI
internal import Gate

/// Extension tokens: issued, rotated, revoked.
enum TokenForms {
  static let all =
    PageRoute.action("/users/{id}/tokens/new", form: issueForm, do: issue)
    + PageRoute.action("/tokens/{token}/rotate", form: rotateForm, do: rotate)
    + PageRoute.action("/tokens/{token}/revoke", form: revokeForm, do: revoke)

  /// Whose a token is; 404 for one that is gone.
  private static func owner(_ visit: Visit) async throws -> (token: String, user: String) {
    let token = try visit.name("token")
    guard let user = try await visit.control.tokenOwner(token) else {
      throw Problem(.notFound, "There is no such token.")
    }
    return (token, user)
  }

  private static func issueForm(_ visit: Visit) async throws -> ActionForm {
    let user = try visit.name("id")
    _ = try await visit.get("/admin/v1/users/{id}", ["id": user])
    return ActionForm(
      title: "Issue a token to \(user)", section: .users,
      says: ["The token is shown once, on the next page. Only its hash is kept."],
      fields: [
        .init(name: "label", label: "Label", hint: "What it is for, such as the device."),
        .init(
          name: "expires_at", label: "Expires (UTC)", hint: "Empty: it is valid until it is revoked.",
          kind: .time),
      ], button: "Issue token", back: AccountID.user(user).pagePath)
  }

  private static func issue(_ visit: Visit) async throws -> ControlResponse {
    let user = try visit.name("id")
    let made = try await visit.write(
      "POST", "/admin/v1/users/{id}/tokens", ["id": user],
      visit.form.body([("label", .text), ("expires_at", .time)]))
    return SecretPage.answer(
      visit, title: "A token for \(user)", secret: made["token"]?.text ?? "",
      says: "Send it in the header X-TLE-Token. It is valid from now on, on every gate.",
      back: AccountID.user(user).pagePath, section: .users)
  }

  private static func rotateForm(_ visit: Visit) async throws -> ActionForm {
    let (token, user) = try await owner(visit)
    return ActionForm(
      title: "Rotate \(token)", section: .users,
      says: [
        "\(user) gets a new token with the same label, which is shown once, on the next page. The old one "
          + "is valid for a while longer, and then refused."
      ],
      fields: [
        .init(
          name: "overlap_s", label: "The old token stays valid for (seconds)",
          hint: "0 to 2,592,000; 0 ends it at once.", kind: .number, value: "3600", isRequired: true)
      ], button: "Rotate token", isDestructive: true, back: AccountID.user(user).pagePath)
  }

  private static func rotate(_ visit: Visit) async throws -> ControlResponse {
    let (token, user) = try await owner(visit)
    let made = try await visit.write(
      "POST", "/admin/v1/tokens/{id}/rotate", ["id": token], visit.form.body([("overlap_s", .number)]))
    return SecretPage.answer(
      visit, title: "The new token for \(user)", secret: made["token"]?.text ?? "",
      says: "Put it in the place of the old one before that ends.", back: AccountID.user(user).pagePath,
      section: .users)
  }

  private static func revokeForm(_ visit: Visit) async throws -> ActionForm {
    let (token, user) = try await owner(visit)
    return ActionForm(
      title: "Revoke \(token)", section: .users,
      says: [
        "Whatever uses this token of \(user) is refused with 401 from its very next request on, on every "
          + "gate.",
        "This can't be undone; you can issue another token.",
      ], button: "Revoke token", isDestructive: true, back: AccountID.user(user).pagePath)
  }

  private static func revoke(_ visit: Visit) async throws -> ControlResponse {
    let (token, user) = try await owner(visit)
    try await visit.write("DELETE", "/admin/v1/tokens/{id}", ["id": token])
    return visit.redirect(to: AccountID.user(user).pagePath, done: .tokenRevoked)
  }
}

/// Shows a secret, the only time.
enum SecretPage {
  static func answer(
    _ visit: Visit, title: String, secret: String, says: String, back: String, section: Navigation.Section
  ) -> ControlResponse {
    visit.page(
      title, "secret",
      ["title": .text(title), "secret": .text(secret), "says": .text(says), "back": .text(back)],
      section: section, status: 201)
  }
}
