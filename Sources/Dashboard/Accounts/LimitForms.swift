internal import AdminAPI
internal import Gate

/// A user's own limits, which take the plan's place: set, and taken away again.
enum LimitForms {
  static let all =
    PageRoute.action("/users/{id}/limits/new", form: setForm, do: set)
    + PageRoute.action("/users/{id}/limits/{limit}/remove", form: removeForm, do: remove)

  // MARK: Set

  private static let binding = "by the figures below"
  private static let unbinding = "not at all"

  private static func setForm(_ visit: Visit) async throws -> ActionForm {
    let user = try visit.name("id")
    _ = try await visit.get("/admin/v1/users/{id}", ["id": user])
    return ActionForm(
      title: "Set a limit of \(user)", section: .users,
      says: [
        "It takes the place of the plan's limit of the same name, from the user's next request on. One that "
          + "is set already is replaced.",
        "Requests and tokens are counted in a window; the others are one amount.",
      ], fields: fields(visit.control.catalog), button: "Set limit", back: AccountID.user(user).pagePath)
  }

  private static func fields(_ catalog: Catalog) -> [ActionForm.Field] {
    [
      .init(
        name: "limit", label: "Limit", kind: .choice(LimitOverride.Limit.allCases.map(\.rawValue)),
        value: LimitOverride.Limit.requests.rawValue, isRequired: true),
      .init(
        name: "feature", label: "Feature", hint: "None: the plan's own limit, whatever the feature.",
        kind: .choice(catalog.features.keys.sorted())),
      .init(
        name: "unlimited", label: "Binds", kind: .choice([LimitForms.binding, LimitForms.unbinding]),
        value: LimitForms.binding, isRequired: true),
      .init(name: "count", label: "Count", hint: "Requests or tokens in the window.", kind: .number),
      .init(name: "window_s", label: "Window (seconds)", kind: .number),
      .init(
        name: "burst", label: "At once",
        hint: "Of the count, how much may come at one moment; else all of it.",
        kind: .number),
      .init(
        name: "amount", label: "Amount", hint: "Open holds (concurrent), or tokens by the hour or day.",
        kind: .number),
      .init(
        name: "expires_at", label: "Expires (UTC)", hint: "Then the plan's limit counts again. Empty: never.",
        kind: .time),
      .init(name: "reason", label: "Reason", hint: "Stands in the audit log.", isRequired: true),
    ]
  }

  private static func set(_ visit: Visit) async throws -> ControlResponse {
    let user = try visit.name("id")
    guard visit.form.text("reason") != nil else { throw Problem.invalid("reason", "is required") }
    var body = visit.form.body([
      ("limit", .text), ("feature", .text), ("count", .number), ("window_s", .number), ("burst", .number),
      ("amount", .number), ("expires_at", .time), ("reason", .text),
    ])
    if case .object(let members) = body, visit.form.text("unlimited") == LimitForms.unbinding {
      body = .object(members + [JSON.Member("unlimited", .bool(true))])
    }
    try await visit.write("PUT", "/admin/v1/users/{id}/limits", ["id": user], body)
    return visit.redirect(to: AccountID.user(user).pagePath, done: .limitSet)
  }

  // MARK: Remove

  /// The feature travels in the query of the form's own address.
  private static func removeForm(_ visit: Visit) async throws -> ActionForm {
    let user = try visit.name("id")
    let limit = try visit.name("limit")
    let feature = visit.query("feature") ?? visit.form.text("feature")
    let own = try await visit.get("/admin/v1/users/{id}/limits", ["id": user])
    let found = (own["overrides"] ?? .null).items.contains {
      $0["limit"]?.text == limit && $0["feature"]?.text == feature
    }
    guard found else { throw Problem(.notFound, "\(user) has no such limit.") }
    let name = limit.replacing("_", with: " ") + (feature.map { " of \($0)" } ?? "")
    return ActionForm(
      title: "Remove the limit of \(user)", section: .users,
      says: ["The plan's limit for \(name) counts again, from the user's next request on."],
      fields: feature.map {
        [.init(name: "feature", label: "Feature", kind: .choice([$0]), value: $0, isRequired: true)]
      }
        ?? [], button: "Remove limit", isDestructive: true, back: AccountID.user(user).pagePath)
  }

  private static func remove(_ visit: Visit) async throws -> ControlResponse {
    let user = try visit.name("id")
    _ = try await visit.call(
      "DELETE", "/admin/v1/users/{id}/limits/{limit}", ["id": user, "limit": try visit.name("limit")],
      query: visit.form.text("feature").map { [("feature", $0)] } ?? [])
    return visit.redirect(to: AccountID.user(user).pagePath, done: .limitRemoved)
  }
}
