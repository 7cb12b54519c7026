internal import Gate
internal import NIOCore

/// `explain: true`: every rule that the decision rests on, with its verdict and numbers.
extension GateSession {
  /// The denial with the rules beside it, if they were asked for.
  func explained(_ problem: Problem) -> Problem {
    guard body.explain, isService, purpose == .check else { return problem }
    var explained = problem
    let members = problem.members
    let rules = call.rules
    let code = problem.code
    explained.members = { out in
      members?(&out)
      GateSession.write(rules, refusedBy: code, into: &out)
    }
    return explained
  }

  func writeRules(_ rules: [RuleVerdict], refusedBy code: ProblemCode?, into out: inout ByteBuffer) {
    GateSession.write(rules, refusedBy: code, into: &out)
  }

  private static func write(_ rules: [RuleVerdict], refusedBy code: ProblemCode?, into out: inout ByteBuffer)
  {
    out.json(",\"rules\":[{\"rule\":\"plan\",\"verdict\":\"")
    out.json(code == .planRequired ? "deny" : "pass")
    out.json("\"}")
    if code != .planRequired {
      out.json(",{\"rule\":\"subscription\",\"verdict\":\"")
      out.json(code == .subscriptionInactive ? "deny" : "pass")
      out.json("\"}")
    }
    for rule in rules {
      out.json(",{\"rule\":\"")
      out.json(rule.rule.name)
      out.json("\",\"verdict\":\"")
      switch rule.verdict {
      case .passes: out.json("pass")
      case .refuses: out.json("deny")
      case .records: out.json("shadow_deny")
      }
      out.json("\",\"limit\":")
      out.json(rule.limit)
      out.json(",\"taken\":")
      out.json(rule.taken)
      out.json(",\"requested\":")
      out.json(rule.requested)
      out.json(",\"retry_after_s\":")
      out.json((rule.retryAfterMilliseconds + 999) / 1000)
      out.json("}")
    }
    out.json("]")
  }
}
