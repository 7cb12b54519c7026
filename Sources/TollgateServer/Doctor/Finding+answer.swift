internal import AdminAPI

extension Finding {
  /// The findings as a command shows them; a failure when any is bad.
  package static func answer(_ findings: [Finding]) -> Answer {
    let bad = findings.filter { $0.level == .bad }.count
    let json: JSON = [
      "ok": .bool(bad == 0),
      "findings": .array(
        findings.map { finding in
          [
            "check": .string(finding.subject), "level": .string(finding.level.rawValue),
            "found": .string(finding.found), "remedy": .text(finding.remedy),
          ]
        }),
    ]
    let rows: [[TextTable.Cell]] = findings.map { finding in
      [.init(finding.level.rawValue, tone: finding.tone), .init(finding.subject), .init(finding.found)]
    }
    var parts: [Answer.Part] = [.table(TextTable(["", "", ""], rows))]
    let remedies = findings.compactMap { finding in finding.remedy.map { "\(finding.subject): \($0)" } }
    if !remedies.isEmpty {
      parts.append(.line(""))
      parts += remedies.map { .line("  " + $0) }
    }
    var answer = Answer(json, parts)
    if bad > 0 { answer.failure = CommandFailure(bad == 1 ? "1 check is bad" : "\(bad) checks are bad") }
    return answer
  }

  private var tone: TextTable.Tone {
    switch level {
    case .good: .good
    case .warning: .warning
    case .bad: .bad
    }
  }
}
