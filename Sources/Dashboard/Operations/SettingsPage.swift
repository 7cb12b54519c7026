internal import AdminAPI
internal import Gate

/// Keys, and the plans and features as the config file has them.
enum SettingsPage {
  static let all =
    [PageRoute("GET", "/settings", .viewer, handle: show)]
    + PageRoute.action("/settings/new-key", form: keyForm, do: makeKey)
    + PageRoute.action("/settings/keys/{key}/revoke", form: revokeForm, do: revokeKey)

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let keys = try await visit.get("/admin/v1/keys", query: [("limit", "100")] + visit.queries("cursor"))
    let catalog = visit.control.catalog
    let plans = catalog.plansByRank.compactMap { catalog.plans[$0] }.map { plan -> View in
      .object([
        "name": .text(plan.name), "rank": .number(Int64(plan.rank)),
        "features": .text(plan.features.joined(separator: ", ")), "tokens": .amount(plan.budget.tokens),
        "period": .text(plan.budget.period.rawValue), "limits": .text(limits(plan.limits)),
        "is_default": .flag(plan.name == catalog.defaultPlan),
      ])
    }
    let features = catalog.features.values.sorted { $0.name < $1.name }.map { feature -> View in
      .object([
        "name": .text(feature.name),
        "cost": .text(
          feature.defaultIsP95
            ? "95th percentile, \(Wording.count(feature.defaultTokens)) until known"
            : Wording.count(feature.defaultTokens)),
        "on_expire": .text(feature.onExpire.rawValue), "on_failure": .text(feature.onStoreFailure.rawValue),
        "is_default": .flag(feature.name == catalog.defaultFeature),
      ])
    }
    let own = visit.session?.admin.key
    return visit.page(
      "Settings", "settings",
      [
        "keys": .list(
          keys.items.map { key in View(key).with(["own": .flag(key["id"]?.text == own)]) }),
        "next": Paging.next(visit, keys), "plans": .list(plans), "features": .list(features),
        "bootstrap": .flag(visit.control.bootstrapOperator != nil),
        "idle": .text(Wording.span(milliseconds: visit.dashboard.limits.idleSeconds * 1_000)),
        "longest": .text(Wording.span(milliseconds: visit.dashboard.limits.seconds * 1_000)),
      ], section: .settings)
  }

  private static func limits(_ limits: RateLimits) -> String {
    func window(_ limit: WindowLimit?, _ unit: String) -> String? {
      limit.map {
        "\(Wording.count($0.count)) \(unit) in \(Wording.span(milliseconds: $0.windowSeconds * 1_000))"
      }
    }
    let all = [
      window(limits.requests, "requests"), window(limits.tokens, "tokens"),
      limits.hourlyTokens.map { "\(Wording.count($0)) tokens an hour" },
      limits.dailyTokens.map { "\(Wording.count($0)) tokens a day" },
      limits.concurrent.map { "\(Wording.count($0)) at once" },
    ].compactMap { $0 }
    return all.isEmpty ? "none" : all.joined(separator: ", ")
  }

  // MARK: Keys

  private static let kinds = ["service", "admin viewer", "admin operator"]

  private static func keyForm(_ visit: Visit) async throws -> ActionForm {
    ActionForm(
      title: "New key", section: .settings,
      says: [
        "A service key is for your backend: it speaks for any user. An admin key opens this dashboard and "
          + "the admin API: a viewer reads, an operator also changes.",
        "The key is shown once, on the next page. Only its hash is kept.",
      ],
      fields: [
        .init(name: "kind", label: "Kind", kind: .choice(kinds), value: "service", isRequired: true),
        .init(name: "label", label: "Label", hint: "Who or what has it.", isRequired: true),
      ], button: "Create key", back: "/settings")
  }

  private static func makeKey(_ visit: Visit) async throws -> ControlResponse {
    let words = (visit.form.text("kind") ?? "").split(separator: " ").map(String.init)
    var body: [JSON.Member] = [.init("kind", .string(words.first ?? ""))]
    if words.count > 1 { body.append(.init("role", .string(words[1]))) }
    guard let label = visit.form.text("label") else { throw Problem.invalid("label", "is required") }
    body.append(.init("label", .string(label)))
    let made = try await visit.write("POST", "/admin/v1/keys", [:], .object(body))
    return SecretPage.answer(
      visit, title: "The new key", secret: made["key"]?.text ?? "",
      says: "Send it as Authorization: Bearer. It is valid from now on.", back: "/settings",
      section: .settings)
  }

  private static func revokeForm(_ visit: Visit) async throws -> ActionForm {
    let id = try visit.name("key")
    let isOwn = id == visit.session?.admin.key
    return ActionForm(
      title: "Revoke \(id)", section: .settings,
      says: [
        "Whatever uses this key is refused from its next request on, and whoever is signed in with it is "
          + "signed out.",
        isOwn ? "It is the key that you are signed in with: you will be signed out, too." : nil,
        "This can't be undone; you can create another key.",
      ].compactMap { $0 }, button: "Revoke key", isDestructive: true, back: "/settings")
  }

  private static func revokeKey(_ visit: Visit) async throws -> ControlResponse {
    try await visit.write("DELETE", "/admin/v1/keys/{id}", ["id": try visit.name("key")])
    return visit.redirect(to: "/settings", done: .keyRevoked)
  }
}
