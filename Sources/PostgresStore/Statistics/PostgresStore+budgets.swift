package import Gate

/// An account's budget by the books, with what decides its plan.
package struct ListedBudget: Sendable, Equatable {
  package var account: AccountID
  /// As stored with the account; nil: the default.
  package var plan: String?
  /// Of a user.
  package var principal: Principal?
  package var budget: Budget
}

/// What part of the accounts, in which order.
package struct BudgetListing: Sendable, Equatable {
  package enum Order: String, Sendable {
    /// The closest to the limit first.
    case usedShare, remaining, used
  }
  package var order: Order
  package var kind: AccountID.Kind?
  package var plan: String?
  /// The plan asked for is also that of accounts without one.
  package var planIsDefault: Bool

  package init(
    order: Order, kind: AccountID.Kind? = nil, plan: String? = nil, planIsDefault: Bool = false
  ) {
    self.order = order
    self.kind = kind
    self.plan = plan
    self.planIsDefault = planIsDefault
  }
}

extension BudgetListing.Order {
  var column: String {
    switch self {
    case .usedShare: "used_share"
    case .remaining: "remaining"
    case .used: "used"
    }
  }
  var isDescending: Bool { self != .remaining }
  var type: String { self == .usedShare ? "double precision" : "bigint" }
}

extension PostgresStore {
  /// From the summary that ``refreshBudgets()`` keeps. A page goes on behind the figure and name of the last item:
  /// whatever changes meanwhile, an account that stays where it is is neither left out nor given twice.
  package func budgets(
    _ listing: BudgetListing, _ page: PageRequest
  ) async throws(StoreError) -> Page<ListedBudget> {
    let after = try Cursor.decode(page.cursor, count: 3)
    if let after, Double(after[0]) == nil {
      throw .invalid(field: "cursor", message: "is not a cursor of this list")
    }
    let (column, type) = (listing.order.column, listing.order.type)
    let (beyond, direction) = listing.order.isDescending ? ("<", "DESC") : (">", "ASC")
    let rows = try await pool.list(
      """
      SELECT b.*, b.\(column)::text AS place, \(Self.principalColumns)
      FROM (
        SELECT * FROM account_budgets
        WHERE ($1::text IS NULL OR account_kind = $1)
          AND ($2::text IS NULL OR plan = $2 OR $3 AND plan IS NULL)
          AND ($4::text IS NULL OR \(column) \(beyond)= $4::\(type)
            AND (\(column) \(beyond) $4::\(type) OR (account_kind, account_id) > ($5, $6)))
        ORDER BY \(column) \(direction), account_kind, account_id LIMIT $7) AS b
      LEFT JOIN users u ON b.account_kind = 'user' AND u.id = b.account_id
      \(Self.principalJoins)
      ORDER BY b.\(column) \(direction), b.account_kind, b.account_id
      """,
      [
        .text(orNull: listing.kind?.rawValue), .text(orNull: listing.plan), .bool(listing.planIsDefault),
        .text(orNull: after?[0]), .text(orNull: after?[1]), .text(orNull: after?[2]), page.rowsToRead,
      ])
    return try rows.page(page, item: Self.listedBudget) { row in
      ["place", "account_kind", "account_id"].map { row.string($0) ?? "" }
    }
  }

  /// Brings the summary up to date with what was booked and changed; how many accounts that were. To be called again
  /// and again, by one gate at a time.
  @discardableResult
  package func refreshBudgets() async throws(StoreError) -> Int64 {
    try await pool.query("SELECT refresh_changed_budgets() AS n").int(0, "n") ?? 0
  }

  private static func listedBudget(_ row: PostgresRow) throws(StoreError) -> ListedBudget {
    guard let kind = row.string("account_kind").flatMap({ AccountID.Kind(rawValue: $0) }) else {
      throw .internalError("a budget's kind is unreadable")
    }
    let budget = Budget(
      limit: try row.need("limit_tokens", PostgresRow.int), used: try row.need("used", PostgresRow.int),
      held: try row.need("held", PostgresRow.int), remaining: try row.need("remaining", PostgresRow.int),
      debt: try row.need("debt", PostgresRow.int), resetsAt: row.instant("resets_at"))
    return ListedBudget(
      account: AccountID(kind, try row.need("account_id", PostgresRow.string)), plan: row.string("plan"),
      principal: row.string("user_id") == nil ? nil : try principal(row), budget: budget)
  }
}
