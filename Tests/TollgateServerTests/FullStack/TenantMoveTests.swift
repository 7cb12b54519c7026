import Testing

extension FullStack {
  @Suite(.stack) struct TenantMoveTests {
    private func pool(_ tenant: String) async throws -> BudgetSeen {
      try await Stack.here.admin("GET", "/admin/v1/tenants/\(tenant)/budget").budget
    }

    /// What was used stays where it was used, and a hold is settled against the pool that it was made on.
    @Test func movingAUserLosesNothing() async throws {
      let stack = Stack.here
      for tenant in ["from", "to"] {
        let made = try await stack.admin("PUT", "/admin/v1/tenants/\(tenant)", #"{"plan":"crowd"}"#)
        #expect(made.status == 200, "\(made.text)")
      }
      let user = try await stack.makeUser("mover", plan: "wide", tenant: "from")
      #expect(try await stack.check(user, #"{"feature":"note","tokens":700}"#).status == 200)
      let held = try await stack.check(user, #"{"feature":"note","tokens":500,"mode":"reserve","ttl_s":600}"#)
      let hold = try #require(held.json["reservation"]["id"].string)
      #expect(try await pool("from").held == 500)

      let moved = try await stack.admin("PUT", "/admin/v1/users/mover", #"{"tenant":"to"}"#)
      #expect(moved.status == 200, "\(moved.text)")
      let next = try await stack.check(user, #"{"feature":"note","tokens":140}"#)
      #expect(next.status == 200 && next.json["tenant"] == .string("to"), "\(next.text)")
      #expect(next.budget.used == 840 && next.budget.held == 500 && next.budget.adds)
      #expect(try await pool("to").used == 140)

      let settled = try await stack.call(
        "POST", "/v1/reservations/\(hold)/settle", stack.service, #"{"tokens":450}"#)
      #expect(settled.status == 200, "\(settled.text)")
      let (from, to) = (try await pool("from"), try await pool("to"))
      #expect(from.used == 1150 && from.held == 0 && from.adds)
      #expect(to.used == 140 && to.held == 0 && to.adds)
      #expect(try await stack.budget(user).used == 1290)
      try await stack.waitForBooks()
      #expect(try await stack.booked("mover") == 1290)

      // The same from the books alone.
      let probe = try await stack.openRedis()
      try await probe.command("FLUSHALL")
      await probe.close()
      #expect(try await stack.budget(user).used == 1290)
      #expect(try await pool("from").used == 1150)
      #expect(try await pool("to").used == 140)
    }
  }
}
