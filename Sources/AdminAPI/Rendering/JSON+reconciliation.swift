package import Gate

extension JSON {
  /// What a reconciliation came to.
  package static func reconciliation(_ report: ReconcileReport) -> JSON {
    let states = AccountFinding.State.allCases.map { state in
      Member(state.rawValue, .integer(Int64(report.count(state))))
    }
    return .object(
      [Member("accounts", .integer(Int64(report.accounts)))] + states + [
        Member("after", .text(report.after?.description)),
        Member("items", .array(report.items.map(JSON.finding))),
      ])
  }

  private static func finding(_ finding: AccountFinding) -> JSON {
    let (kind, id) = (finding.account.kind, finding.account.id)
    return [
      "user": .text(kind == .user ? id : nil), "tenant": .text(kind == .tenant ? id : nil),
      "state": .string(finding.state.rawValue), "reason": .text(finding.reason),
      "differences": .array(finding.differences.map(JSON.difference)),
    ]
  }

  private static func difference(_ difference: Difference) -> JSON {
    [
      "kind": .string(difference.kind.rawValue), "name": .text(difference.name),
      "redis": .amount(difference.redis), "books": .amount(difference.books),
      "entries": .amount(difference.entries),
    ]
  }
}
