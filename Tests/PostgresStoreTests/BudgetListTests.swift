import Gate
import PostgresStore
import TestServers
import Testing

@Suite struct BudgetListTests {
  private func list(
    _ store: PostgresStore, _ order: BudgetListing.Order, limit: Int = 200, kind: AccountID.Kind? = nil,
    plan: String? = nil, isDefault: Bool = false
  ) async throws -> [ListedBudget] {
    let listing = BudgetListing(order: order, kind: kind, plan: plan, planIsDefault: isDefault)
    var items: [ListedBudget] = []
    var page = PageRequest(limit: limit)
    repeat {
      let found = try await store.budgets(listing, page)
      items += found.items
      page.cursor = found.nextCursor
    } while page.cursor != nil
    return items
  }

  /// Books a spend of a user's grant, now.
  private func spend(
    _ database: TestDatabase, _ user: String, _ grant: Grant.Reference, _ tokens: Int64, debt: Int64 = 0
  ) async throws {
    var random = SystemRandomNumberGenerator()
    let entry = BookingTests.entry(
      december.milliseconds + Int64.random(in: 0..<1_000_000, using: &random), user: user, tokens: tokens,
      from: [Allocation(grant: grant, tokens: tokens - debt)], debt: debt)
    try await database.store.book([entry], bucket: 0, epoch: 1)
  }

  private func makeUsers(_ database: TestDatabase) async throws -> [String: Grant.Reference] {
    var grants: [String: Grant.Reference] = [:]
    for (user, tokens) in [("a", 100), ("b", 1000), ("c", 500), ("d", 200)] as [(String, Int64)] {
      var change = UserChange()
      if user < "c" { change.plan = .set("pro") }
      _ = try await database.store.putUser(user, change, actor: "cli")
      grants[user] = try await database.store.addGrant(
        to: .user(user), NewGrant(kind: .topup, tokens: tokens, source: "test"), actor: "cli"
      ).reference
    }
    return grants
  }

  @Test func theListFollowsTheBooks() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grants = try await makeUsers(database)
    _ = try await store.putUser("idle", UserChange(), actor: "cli")
    try await store.refreshBudgets()
    #expect(try await list(store, .usedShare).map(\.account.id) == ["a", "b", "c", "d"])
    for (user, tokens) in [("a", 40), ("b", 900), ("c", 400), ("d", 10)] as [(String, Int64)] {
      try await spend(database, user, try #require(grants[user]), tokens)
    }
    try await store.refreshBudgets()
    #expect(try await list(store, .usedShare).map(\.account.id) == ["b", "c", "a", "d"])
    #expect(try await list(store, .remaining).map(\.account.id) == ["a", "b", "c", "d"])
    #expect(try await list(store, .used).map(\.account.id) == ["b", "c", "a", "d"])
    #expect(try await list(store, .used).map(\.budget.remaining) == [100, 100, 60, 190])
    // One at a time gives the same.
    for order in [.usedShare, .remaining, .used] as [BudgetListing.Order] {
      #expect(try await list(store, order, limit: 1) == list(store, order))
    }
    #expect(try await list(store, .used, plan: "pro").map(\.account.id) == ["b", "a"])
    #expect(try await list(store, .used, plan: "free").isEmpty)
    #expect(try await list(store, .used, plan: "free", isDefault: true).map(\.account.id) == ["c", "d"])
    await #expect(throws: StoreError.self) {
      try await store.budgets(BudgetListing(order: .used), PageRequest(cursor: "AAAA"))
    }
  }

  @Test func debtAndHoldsAddUp() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grant = try await database.grant(100)
    try await spend(database, "u1", grant, 150, debt: 50)
    var hold = BookingTests.hold(.open, tokens: 30)
    hold.userAllocations = [Allocation(grant: grant, tokens: 30)]
    try await store.book(
      [BookingTests.entry(december.milliseconds, .reserve, tokens: 0, hold: hold)], bucket: 0, epoch: 1)
    try await store.refreshBudgets()
    let budget = try #require(try await list(store, .used).first).budget
    // A grant is never worth less than what is taken of it.
    #expect(budget == Budget(limit: 130, used: 150, held: 30, remaining: 0, debt: 50))
    #expect(budget.limit + budget.debt == budget.used + budget.held + budget.remaining)
  }

  @Test func grantsThatEndLeaveTheList() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grants = try await makeUsers(database)
    try await store.refreshBudgets()
    _ = try await store.revokeGrant(try #require(grants["a"]), of: .user("a"), actor: "cli")
    // As an end that comes by itself: nothing tells of it.
    try await database.sql(
      """
      BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE tollgate.grants SET expires_at = now() - interval '1 second' WHERE account_id = 'b';
      UPDATE tollgate.account_budgets SET changes_at = now() - interval '1 second' WHERE account_id = 'b'; COMMIT
      """)
    try await store.refreshBudgets()
    #expect(try await list(store, .used).map(\.account.id) == ["c", "d"])
    try await database.sql("DELETE FROM tollgate.users WHERE id = 'c'")
    try await store.refreshBudgets()
    #expect(try await list(store, .used).map(\.account.id) == ["d"])
  }

  @Test func ofPeriodsTheLastCounts() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    _ = try await store.putUser("u1", UserChange(), actor: "cli")
    func calendar(_ number: Int64) -> Grant {
      Grant(
        reference: .init(.calendar, number), kind: .period, tokens: 70,
        periodStart: Instant(milliseconds: number), source: "calendar", createdAt: december)
    }
    try await store.book(
      [1000, 2000].map {
        BookingTests.entry(december.milliseconds + $0, .period, tokens: 0, grant: calendar($0))
      },
      bucket: 0, epoch: 1)
    try await store.refreshBudgets()
    #expect(try await list(store, .used).map(\.budget.limit) == [70])
    _ = try await store.resetPeriod(
      of: .user("u1"), tokens: 500, start: december, end: nil, reason: "test", actor: "cli")
    try await store.refreshBudgets()
    #expect(try await list(store, .used).map(\.budget.limit) == [500])
  }

  /// What a transaction books that began before a refresh and ends after it is in the next one.
  @Test func aBookingUnderWayIsNotMissed() async throws {
    let database = try await TestDatabase.make()
    let store = database.store
    let grants = try await makeUsers(database)
    try await store.refreshBudgets()
    let grant = try #require(grants["d"])
    let entry = BookingTests.entry(
      december.milliseconds, user: "d", from: [Allocation(grant: grant, tokens: 10)])
    try await store.book([entry], bucket: 0, epoch: 1)
    // The same again by a session that takes its time.
    async let slow = database.sql(
      """
      BEGIN; UPDATE tollgate.grants SET used = used + 5, booked_at = now() WHERE account_id = 'd';
      INSERT INTO tollgate.ledger SELECT at, epoch, 9, stream_ms, stream_seq, side, kind, 'slow', user_id, tenant_id,
        feature, tokens, user_grants, ARRAY[5], user_debt, tenant_grants, tenant_amounts, tenant_debt
        FROM tollgate.ledger WHERE user_id = 'd';
      SELECT pg_sleep(2.5); COMMIT
      """)
    let deadline = ContinuousClock.now + .seconds(10)
    while try await database.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2.5)%'")
      == "1",
      ContinuousClock.now < deadline
    {}
    for _ in 0..<3 { try await store.refreshBudgets() }
    _ = try await slow
    try await store.refreshBudgets()
    #expect(try await list(store, .used).first { $0.account.id == "d" }?.budget.used == 15)
  }

  /// However many accounts there are, and however far into the list: a page reads what it shows and passes, no more.
  @Test func aPageOfManyReadsLittleMoreThanItself() async throws {
    let database = try await TestDatabase.make(connections: 1)
    try await database.sql(
      """
      INSERT INTO tollgate.account_budgets (account_kind, account_id, plan, limit_tokens, used, held, remaining, debt,
        used_share)
      SELECT 'user', 'u' || n, CASE n % 10 WHEN 0 THEN 'pro' END, 1000000, n, 0, 1000000 - n, 0, n / 1000000.0
      FROM generate_series(1, 200000) AS n; ANALYZE tollgate.account_budgets
      """)
    /// Rows of the table that were read so far, by the pool's one session too.
    func rowsRead() async throws -> Int {
      _ = try await database.pool.query("SELECT pg_stat_force_next_flush()")
      let text = try await database.sql(
        """
        SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables
        WHERE relid = 'tollgate.account_budgets'::regclass
        """)
      return try #require(Int(text))
    }
    for order in [.usedShare, .remaining, .used] as [BudgetListing.Order] {
      for plan in [nil, "pro", "none"] {
        let before = try await rowsRead()
        var page = PageRequest(limit: 100)
        for _ in 0..<3 {
          let listing = BudgetListing(order: order, plan: plan)
          page.cursor = try await database.store.budgets(listing, page).nextCursor
        }
        let read = try await rowsRead() - before
        // A plan is looked for along the order: a tenth of the accounts have this one.
        let most = plan == nil ? 350 : 3500
        #expect(read < most && (plan == "none" || read >= 300), "\(order) \(plan ?? "") \(read)")
      }
    }
  }
}
