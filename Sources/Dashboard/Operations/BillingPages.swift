internal import AdminAPI
internal import Billing
internal import Gate

/// The links of the Billing tab, and which price stands for which plan.
enum BillingPages {
  static let all =
    [PageRoute("GET", "/billing", .viewer, handle: show)]
    + PageRoute.action("/billing/links", form: linksForm, do: save)

  private static let links: [(name: String, label: String, hint: String)] = [
    ("upgrade_url", "Upgrade", "Where a refused user can get more."),
    ("enterprise_contact_url", "Enterprise contact", "Who sells the big plan; mailto: is fine."),
    ("customer_portal_url", "Customer portal", "Stripe's portal, when it has a fixed address."),
    ("success_url", "Checkout success", "Where a checkout that was paid ends."),
    ("cancel_url", "Checkout cancelled", "Where a checkout that was left ends."),
    ("web_app_url", "Web app", "Where the portal leads back to."),
  ]

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let stored = try await visit.get("/admin/v1/settings/billing")
    let rows = links.map { link -> View in
      .object([
        "label": .text(link.label), "hint": .text(link.hint), "url": .text(stored[link.name]?.text),
      ])
    }
    let prices = await visit.part {
      guard let prices = visit.control.hooks.prices else { throw BillingFault.notConfigured }
      let all = try await prices()
      return .object([
        "items": .list(all.map { row($0, visit.control.catalog) }),
        "is_asked": .flag(all.contains { $0.state != .notAsked }),
      ])
    }
    return visit.page("Billing", "billing", ["links": .list(rows), "prices": prices], section: .billing)
  }

  private static func row(_ price: MappedPrice, _ catalog: Catalog) -> View {
    var word = "not asked"
    var detail: String?
    var tone = "muted"
    switch price.state {
    case .notAsked: break
    case .found(let isActive, let amount, let currency, let interval):
      word = isActive ? "on sale" : "archived"
      tone = isActive ? "good" : "warn"
      let money = amount.map { Money.text($0, currency) }
      detail = [money, interval.map { "per \($0)" }].compactMap { $0 }.joined(separator: " ")
    case .missing:
      word = "not at Stripe"
      tone = "bad"
    case .failed(let why):
      word = "not known"
      detail = why
      tone = "warn"
    }
    return .object([
      "price": .text(price.price), "plan": .text(price.plan), "state": .text(word), "tone": .text(tone),
      "detail": .text(detail), "plan_is_unknown": .flag(catalog.plans[price.plan] == nil),
    ])
  }

  private static func linksForm(_ visit: Visit) async throws -> ActionForm {
    let stored = try await visit.get("/admin/v1/settings/billing")
    return ActionForm(
      title: "Billing links", section: .billing,
      says: ["They are in force at once. An empty one falls back to the config file's."],
      fields: links.map { link in
        ActionForm.Field(
          name: link.name, label: link.label, hint: link.hint, kind: .url, value: stored[link.name]?.text)
      }, button: "Save links", back: "/billing")
  }

  private static func save(_ visit: Visit) async throws -> ControlResponse {
    try await visit.write(
      "PUT", "/admin/v1/settings/billing", [:], visit.form.body(links.map { ($0.name, .clearable) }))
    return visit.redirect(to: "/billing", done: .saved)
  }
}
