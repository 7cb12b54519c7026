import Testing

extension FullStack {
  /// A load of an account reads the books and then writes to Redis. Checks that were answered in between must
  /// not be forgotten: else a load that comes late gives back what was spent.
  @Suite(.stack) struct LateLoadTests {
    @Test func aLateLoadBringsNothingBack() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("late-load", plan: "storm")
      let reserve = #"{"feature":"note","tokens":100,"mode":"reserve","ttl_s":600}"#
      let hold = try #require(try await stack.check(user, reserve).json["reservation"]["id"].string)
      try await stack.waitForBooks()
      // A hold that Redis has lost and the books have is what makes the gate load an account that Redis has.
      let probe = try await stack.openRedis()
      #expect(try await probe.command("HDEL", "tg:{0}:u:\(user.id)", hold) == .integer(1))

      // Nobody books while this connection holds the bookers' lock.
      let lock = "pg_advisory_lock(hashtext('tollgate.book'), 0)"
      async let locker: String? = try? await stack.sql("SELECT 1 FROM \(lock), pg_sleep(60)")
      try await waitForLocks(granted: true)
      _ = try await stack.check(user, #"{"feature":"note","tokens":100}"#)
      try await waitForLocks(granted: false)
      async let settled = stack.call(
        "POST", "/v1/reservations/\(hold)/settle", stack.service, #"{"tokens":100}"#)
      try await eventually(within: .seconds(2), "the load has its lease") {
        try await probe.command("EXISTS", "tg:{0}:lu:\(user.id)") == .integer(1)
      }
      for _ in 0..<40 {
        let answer = try await stack.check(user, #"{"feature":"note","tokens":1000}"#)
        // A check may find the account being loaded; it must not be told a wrong rest.
        #expect(answer.status == 200, "\(answer.text)")
      }
      try await stack.sql(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid() AND datname = current_database()
        """)
      _ = await locker
      let status = try await settled.status
      #expect([200, 404, 503].contains(status))
      let afterLoad = try await stack.budget(user)
      #expect((afterLoad.used ?? 0) >= 40_100, "the load brought old counters back")
      try await stack.waitForBooks()
      #expect(try await stack.budget(user).used == (try await stack.booked(user.id)))
      await probe.close()
    }

    private func waitForLocks(granted: Bool) async throws {
      let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted = \(granted)"
      try await eventually(within: .seconds(5), "a lock is \(granted ? "held" : "waited for")") {
        try await Stack.here.sql(
          "\(count) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
          != "0"
      }
    }
  }
}
