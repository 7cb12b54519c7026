internal import AdminAPI
internal import Gate

/// Tenants: the list, one of them with its pool, and the forms that make and change one.
enum TenantPages {
  static let all =
    [
      PageRoute("GET", "/tenants", .viewer, handle: list),
      PageRoute("GET", "/tenants/{id}", .viewer, handle: show),
    ]
    + PageRoute.action("/new-tenant", form: newForm, do: writing.create)
    + PageRoute.action("/tenants/{id}/edit", form: editForm, do: writing.edit)

  private static func list(_ visit: Visit) async throws -> ControlResponse {
    let filters = visit.queries("query", "plan")
    let page = try await visit.get("/admin/v1/tenants", query: filters + visit.queries("cursor"))
    return visit.page(
      "Tenants", "tenants",
      [
        "items": .list(page.items.map { View($0) }), "query": .text(visit.query("query")),
        "plans": Choices.view(visit.control.catalog.plansByRank, current: visit.query("plan")),
        "is_filtered": .flag(!filters.isEmpty), "next": Paging.next(visit, page, "query", "plan"),
        "is_first": .flag(visit.query("cursor") == nil),
      ], section: .tenants)
  }

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let id = try visit.name("id")
    let tenant = try await visit.get("/admin/v1/tenants/{id}", ["id": id])
    var context = await AccountParts(visit: visit, account: .tenant(id)).all()
    context["tenant"] = View(tenant)
    return visit.page(tenant["name"]?.text ?? id, "tenant", context, section: .tenants)
  }

  private static func fields(_ visit: Visit, _ tenant: JSON) -> [ActionForm.Field] {
    [
      .init(name: "name", label: "Name", value: tenant["name"]?.text),
      .init(
        name: "plan", label: "Plan", kind: .choice(visit.control.catalog.plansByRank),
        value: tenant["plan"]?.text),
      .init(
        name: "seats", label: "Seats", hint: "A plan with a budget per seat multiplies it by this.",
        kind: .number, value: String(tenant["seats"]?.number ?? 1)),
      .init(
        name: "stripe_customer_id", label: "Stripe customer", hint: "cus_…",
        value: tenant["stripe_customer_id"]?.text),
    ]
  }

  private static let writing = AccountWriting(
    collection: "tenants",
    members: [
      ("name", .clearable), ("plan", .clearable), ("seats", .number), ("stripe_customer_id", .clearable),
    ])

  private static func newForm(_ visit: Visit) async throws -> ActionForm {
    let id = ActionForm.Field(
      name: "id", label: "Tenant id", hint: "1 to 128 visible ASCII characters.", isRequired: true)
    return ActionForm(
      title: "New tenant", section: .tenants,
      says: ["A tenant with this id that exists already is changed to what you enter here."],
      fields: [id] + fields(visit, .null), button: "Create tenant", back: "/tenants")
  }

  private static func editForm(_ visit: Visit) async throws -> ActionForm {
    let id = try visit.name("id")
    let tenant = try await visit.get("/admin/v1/tenants/{id}", ["id": id])
    return ActionForm(
      title: "Change \(id)", section: .tenants,
      says: ["A change of plan or seats takes effect on the next request of each of its users."],
      fields: fields(visit, tenant), button: "Save", back: AccountID.tenant(id).pagePath)
  }
}
