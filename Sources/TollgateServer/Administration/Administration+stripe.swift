internal import AdminAPI
internal import Billing
package import Gate
internal import PostgresStore

/// How far a comparison has come, for a progress bar.
package struct SyncProgress: Sendable {
  /// `subscriptions`, `invoices` or `events`; nil at the end.
  package let stage: String?
  /// Objects of the stage that were looked at.
  package let seen: Int64
  /// About how many there are; nil where nothing tells.
  package let expected: Int64?
}

extension Administration {
  /// Compares what is stored with Stripe; goes on where a run was left. `progress` is told now and then.
  package func syncStripe(
    _ scope: SyncScope, progress: @escaping @Sendable (SyncProgress) -> Void
  ) async throws -> Answer {
    guard let sync = backend.stripeSync(backend.eventProcessor()) else {
      throw CommandFailure("no Stripe key is configured: set TOLLGATE_STRIPE_API_KEY")
    }
    let began = Clock.now()
    let mirrored = try await backend.billing.mirroredSubscriptions()
    let run = try await begin(scope)
    let done: SyncRun
    do {
      done = try await sync.run(run) { run in
        let stage = run.stage
        progress(
          SyncProgress(
            stage: stage?.rawValue, seen: stage.flatMap { run.counts[$0]?.seen } ?? 0,
            expected: stage == .subscriptions ? mirrored : nil))
      }
    } catch {
      await sync.release(run)
      throw Administration.failure(error)
    }
    var answer = Administration.answer(done, milliseconds: Clock.now().milliseconds - began.milliseconds)
    if run.isResumed { answer.notes.append("It went on with a run of \(run.beganAt.rfc3339).") }
    let unmatched = done.counts.values.reduce(0) { $0 + $1.unmatched }
    if unmatched > 0 {
      answer.notes.append("What fits nobody is in: tollgate webhook list --status unmatched")
    }
    return answer
  }

  /// Another process may be at it, or have died at it: its lease tells which, for a live one is renewed.
  private func begin(_ scope: SyncScope) async throws -> SyncRun {
    let owner = "cli-\(String(UInt64.random(in: 1 ... .max), radix: 36))"
    var seen: Instant?
    while true {
      do {
        return try await backend.billing.beginSync(
          scope, owner: owner, leaseSeconds: StripeSync.leaseSeconds, ifLastBefore: nil)
      } catch {
        switch error {
        case .isRunning(let until):
          if let seen, until > seen { throw CommandFailure("another process compares with Stripe right now") }
          seen = until
          try await Task.sleep(for: .seconds(1))
        case .isNotDue: throw CommandFailure("it is not due")
        case .store(let error): throw error
        }
      }
    }
  }

  private static func failure(_ fault: SyncFault) -> any Error {
    switch fault {
    case .stripe(let error): CommandFailure("\(error.sentence) The next run goes on from here")
    case .leaseLost: CommandFailure("another process has taken the run over")
    case .store(let error): error
    }
  }

  private static func answer(_ run: SyncRun, milliseconds: Int64) -> Answer {
    let counts = SyncRun.Stage.allCases.map { ($0.rawValue, run.counts[$0] ?? SyncRun.Count()) }
    let table = TextTable(
      ["", .number("SEEN"), .number("CHANGED"), .number("UNMATCHED")],
      counts.map { name, count in
        [.init(name), .init(count.seen), .init(count.changed), .init(count.unmatched)]
      })
    var members: [JSON.Member] = [
      .init("since", .time(run.since)), .init("resumed", .bool(run.isResumed)),
      .init("finished", .bool(run.stage == nil)), .init("took_ms", .integer(milliseconds)),
    ]
    for (name, count) in counts {
      members.append(
        .init(
          name,
          [
            "seen": .integer(count.seen), "changed": .integer(count.changed),
            "unmatched": .integer(count.unmatched),
          ]))
    }
    return Answer(.object(members), [.table(table)])
  }
}
