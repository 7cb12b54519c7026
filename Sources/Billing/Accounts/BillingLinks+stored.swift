package import Gate

extension BillingLinks {
  /// `GET /v1/billing/links`: the stored setting over the config file, field by field.
  package static func effective(stored: BillingLinks?, catalog: Catalog) -> BillingLinks {
    let given = catalog.links
    guard let stored else { return given }
    return BillingLinks(
      upgradeURL: stored.upgradeURL ?? given.upgradeURL,
      enterpriseContactURL: stored.enterpriseContactURL ?? given.enterpriseContactURL,
      customerPortalURL: stored.customerPortalURL ?? given.customerPortalURL,
      successURL: stored.successURL ?? given.successURL, cancelURL: stored.cancelURL ?? given.cancelURL,
      webAppURL: stored.webAppURL ?? given.webAppURL)
  }
}
