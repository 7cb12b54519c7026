internal import Gate

extension ControlRoutes {
  /// Everything of the admin listener but the dashboard. What has no hook doesn't exist.
  package static func admin(_ control: ControlPlane) -> ControlRoutes {
    let groups: [[Route]] = [
      UserRoutes.all, LimitRoutes.all, TenantRoutes.all, BudgetRoutes.all, GrantRoutes.all,
      BooksRoutes.all, TokenRoutes.all, KeyRoutes.all, AuditRoutes.all, SettingsRoutes.all,
      WebhookEventRoutes.all(control.hooks), OperationsRoutes.all(control.hooks),
      EventRoutes.all(control.hooks),
    ]
    return ControlRoutes(groups.flatMap { $0 }, control: control)
  }

  /// The cold calls of the gate's own listener. The hot ones are served before these are asked; they are
  /// known here only so that a wrong method on them is 405.
  package static func gate(_ control: ControlPlane) -> ControlRoutes {
    let groups: [[Route]] = [
      OwnBudgetRoutes.all, OwnTokenRoutes.all, BillingRoutes.all, StripeWebhookRoutes.all,
      HealthRoutes.all,
    ]
    let hot = [
      "/v1/check", "/v1/usage", "/v1/reservations/{id}/settle", "/v1/reservations/{id}/extend",
      "/v1/reservations/{id}/release",
    ]
    let elsewhere = hot.map { path in
      Route("POST", path, .user) { _ in throw Problem(.notFound, "There is nothing at this path.") }
    }
    return ControlRoutes(groups.flatMap { $0 }, elsewhere: elsewhere, control: control)
  }
}
