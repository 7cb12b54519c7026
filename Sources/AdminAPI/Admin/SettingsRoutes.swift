internal import Billing
internal import Gate

/// The billing links as operators set them over the config file's.
enum SettingsRoutes {
  static let all = [
    Route("GET", "/admin/v1/settings/billing", .adminRead, handle: get),
    Route("PUT", "/admin/v1/settings/billing", .adminWrite, handle: put),
  ]

  private static func get(_ exchange: Exchange) async throws -> ControlResponse {
    .json(.links(try await exchange.links()))
  }

  /// What is given is set, null falls back to the config file, what is left out stays.
  private static func put(_ exchange: Exchange) async throws -> ControlResponse {
    var fields = try Fields(
      body: exchange.request,
      known: [
        "upgrade_url", "enterprise_contact_url", "customer_portal_url", "success_url", "cancel_url",
        "web_app_url",
      ])
    var links = try await exchange.control.accounts.billingLinks() ?? BillingLinks()
    fields.set("upgrade_url", \.upgradeURL, of: &links)
    let contact = ["https", "http", "mailto"]
    fields.set("enterprise_contact_url", \.enterpriseContactURL, of: &links, schemes: contact)
    fields.set("customer_portal_url", \.customerPortalURL, of: &links)
    fields.set("success_url", \.successURL, of: &links)
    fields.set("cancel_url", \.cancelURL, of: &links)
    fields.set("web_app_url", \.webAppURL, of: &links)
    try fields.check()
    try await exchange.control.accounts.putBillingLinks(links, actor: exchange.caller.actor)
    return .json(.links(BillingLinks.effective(stored: links, catalog: exchange.control.catalog)))
  }
}

extension Fields {
  fileprivate mutating func set(
    _ name: String, _ path: WritableKeyPath<BillingLinks, String?>, of links: inout BillingLinks,
    schemes: [String] = ["https", "http"]
  ) {
    if case .set(let url) = change(name, .url(schemes: schemes)) { links[keyPath: path] = url }
  }
}

extension Exchange {
  /// The links in force: the stored ones over the config file's.
  func links() async throws -> BillingLinks {
    BillingLinks.effective(stored: try await control.accounts.billingLinks(), catalog: control.catalog)
  }
}
