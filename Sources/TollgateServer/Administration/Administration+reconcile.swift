internal import AdminAPI
package import Gate
internal import PostgresStore
internal import RedisStore

extension Administration {
  /// Compares one account.
  package func reconcile(_ account: AccountID, mends: Bool) async throws(StoreError) -> Answer {
    Administration.answer(try await reconciler.run(account, mends: mends, actor: Administration.actor))
  }

  /// Compares all accounts after one. `progress` is told a line for the terminal now and then.
  package func reconcileAll(
    after: AccountID?, mends: Bool, perSecond: Int?, progress: (String) -> Void
  ) async throws(StoreError) -> Answer {
    let total = try await backend.store.accountsCount()
    let start = ContinuousClock.now
    let report = try await reconciler.runAll(
      after: after, mends: mends, perSecond: perSecond, actor: Administration.actor
    ) { report in
      let seconds = max(0.001, (ContinuousClock.now - start) / .seconds(1))
      let rate = Int((Double(report.accounts) / seconds).rounded())
      let bar = ProgressBar(done: Int64(report.accounts), of: total).text
      progress(
        "\(bar) \(rate)/s, \(Administration.summary(report))  after \(report.after?.description ?? "")")
      return !Task.isCancelled
    }
    return Administration.answer(report)
  }

  /// Nothing of the stream is ever in a command's own hands: the gates' flushers book it.
  private var reconciler: Reconciler {
    backend.reconciler(
      loader: AccountLoader(
        client: backend.client, keyspace: backend.keyspace, epochs: backend.epochs, store: backend.store,
        flushed: { _ in true }))
  }

  private static func summary(_ report: ReconcileReport) -> String {
    "\(report.count(.drifted)) differ, \(report.count(.mended)) mended, \(report.count(.unchecked)) unchecked"
  }

  private static func answer(_ report: ReconcileReport) -> Answer {
    let rows = report.items.flatMap { finding -> [[TextTable.Cell]] in
      let (account, state) = ("\(finding.account)", finding.state.rawValue)
      let tone: TextTable.Tone = finding.state == .mended ? .good : .bad
      if finding.differences.isEmpty {
        return [[.init(account), .init(state, tone: tone), .init(finding.reason), "", "", "", ""]]
      }
      return finding.differences.map { difference in
        [
          .init(account), .init(state, tone: tone), .init(difference.kind.rawValue),
          .init(difference.name), .init(difference.redis.map { "\($0)" }),
          .init(difference.books.map { "\($0)" }), .init(difference.entries.map { "\($0)" }),
        ]
      }
    }
    var parts: [Answer.Part] = []
    if !rows.isEmpty {
      let columns: [TextTable.Column] = [
        "ACCOUNT", "STATE", "WHAT", .text("WHICH"), .number("REDIS"), .number("BOOKS"), .number("ENTRIES"),
      ]
      parts += [.table(TextTable(columns, rows)), .line("")]
    }
    let agree = report.count(.clean) + report.count(.unloaded)
    parts.append(
      .line("\(report.accounts) accounts: \(agree) agree, \(summary(report))"))
    var answer = Answer(.reconciliation(report), parts)
    let left = report.count(.drifted)
    let unchecked = report.count(.unchecked)
    if left > 0 {
      answer.failure = CommandFailure(
        "\(left == 1 ? "1 account differs" : "\(left) accounts differ"); --mend makes it right")
    } else if unchecked > 0 {
      answer.failure = CommandFailure("accounts that could not be compared: \(unchecked)")
    }
    return answer
  }
}

/// How far something is, as one line.
struct ProgressBar {
  let done: Int64
  let of: Int64

  private static let width: Int64 = 24

  var text: String {
    let full = of > 0 ? min(ProgressBar.width, done * ProgressBar.width / of) : ProgressBar.width
    let bar =
      String(repeating: "#", count: Int(full)) + String(repeating: "-", count: Int(ProgressBar.width - full))
    let percent = of > 0 ? min(100, done * 100 / of) : 100
    return "[\(bar)] \(percent) %"
  }
}
