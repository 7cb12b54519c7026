internal import AdminAPI
internal import Billing
internal import Gate

/// Users: the list, one of them with everything about it, and the forms that make and change one.
enum UserPages {
  static let all =
    [
      PageRoute("GET", "/users", .viewer, handle: list),
      PageRoute("GET", "/users/{id}", .viewer, handle: show),
    ]
    + PageRoute.action("/new-user", form: newForm, do: writing.create)
    + PageRoute.action("/users/{id}/edit", form: editForm, do: writing.edit)

  /// What a subscription's status may be, as Stripe names them.
  private static let statuses = [
    "active", "trialing", "past_due", "unpaid", "paused", "incomplete", "incomplete_expired", "canceled",
  ]

  private static func list(_ visit: Visit) async throws -> ControlResponse {
    let filters = visit.queries("query", "plan", "status")
    let page = try await visit.get("/admin/v1/users", query: filters + visit.queries("cursor"))
    return visit.page(
      "Users", "users",
      [
        "items": .list(page.items.map(View.init)), "query": .text(visit.query("query")),
        "plans": Choices.view(visit.control.catalog.plansByRank, current: visit.query("plan")),
        "statuses": Choices.view(statuses, current: visit.query("status")),
        "is_filtered": .flag(!filters.isEmpty), "next": Paging.next(visit, page, "query", "plan", "status"),
        "is_first": .flag(visit.query("cursor") == nil),
      ], section: .users)
  }

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let id = try visit.name("id")
    let user = try await visit.get("/admin/v1/users/{id}", ["id": id])
    var context = await AccountParts(visit: visit, account: .user(id)).all()
    context["user"] = View(user)
    context["tokens"] = await visit.part {
      let page = try await visit.get("/admin/v1/users/{id}/tokens", ["id": id], query: [("limit", "50")])
      return .object([
        "items": .list(page.items.map { View($0) }), "more": .flag(page["next_cursor"]?.text != nil),
      ])
    }
    context["billing"] = await visit.part { try await billing(visit, id) }
    context["limits"] = await visit.part {
      let limits = try await visit.get("/admin/v1/users/{id}/limits", ["id": id])
      let own = (limits["overrides"] ?? .null).items
      return .object(["items": .list(own.map { View($0) }), "any": .flag(!own.isEmpty)])
    }
    return visit.page(id, "user", context, section: .users)
  }

  private static func billing(_ visit: Visit, _ id: String) async throws -> View {
    guard let billing = visit.control.hooks.billing else { throw BillingFault.notConfigured }
    let status = try await billing.status(user: id, now: visit.now)
    let invoices = try await billing.invoices(user: id)
    return View(JSON.status(status)).with([
      "invoices": .list(
        invoices.prefix(12).map { invoice in
          View(JSON.invoice(invoice)).with([
            "paid": .text(Money.text(invoice.amountPaid, invoice.currency)),
            "due": .text(Money.text(invoice.amountDue, invoice.currency)),
          ])
        })
    ])
  }

  // MARK: Forms

  private static func fields(_ visit: Visit, _ user: JSON) -> [ActionForm.Field] {
    [
      .init(name: "email", label: "Email", kind: .email, value: user["email"]?.text),
      .init(
        name: "plan", label: "Plan",
        hint: "A live subscription at Stripe sets it by itself; none means the default plan.",
        kind: .choice(visit.control.catalog.plansByRank), value: user["plan"]?.text),
      .init(
        name: "tenant", label: "Tenant", hint: "The id of a company or team whose pool the user draws on.",
        value: user["tenant"]?.text),
      .init(
        name: "stripe_customer_id", label: "Stripe customer", hint: "cus_…",
        value: user["stripe_customer_id"]?.text),
    ]
  }

  private static let writing = AccountWriting(
    collection: "users",
    members: [
      ("email", .clearable), ("plan", .clearable), ("tenant", .clearable), ("stripe_customer_id", .clearable),
    ])

  private static func newForm(_ visit: Visit) async throws -> ActionForm {
    let id = ActionForm.Field(
      name: "id", label: "User id",
      hint: "As your backend names the user: 1 to 128 visible ASCII characters.",
      value: visit.query("id"), isRequired: true)
    return ActionForm(
      title: "New user", section: .users,
      says: ["A user with this id that exists already is changed to what you enter here."],
      fields: [id] + fields(visit, .null), button: "Create user", back: "/users")
  }

  private static func editForm(_ visit: Visit) async throws -> ActionForm {
    let id = try visit.name("id")
    let user = try await visit.get("/admin/v1/users/{id}", ["id": id])
    return ActionForm(
      title: "Change \(id)", section: .users,
      says: ["A change of plan or tenant takes effect on the user's next request, on every gate."],
      fields: fields(visit, user), button: "Save", back: AccountID.user(id).pagePath)
  }
}
