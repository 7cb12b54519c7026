internal import Gate
internal import NIOCore

/// The denials, each with the members and headers of its code.
extension GateSession {
  func planRequired(_ plan: Plan, _ feature: Feature) -> Problem {
    let required = handler.catalog.catalog.plans(including: feature.name)
    let upgrade = handler.links().upgradeURL
    return Problem(.planRequired, "The plan \(plan.name) does not include \(feature.name).", headers: nil) {
      out in
      out.json(",\"plan\":")
      out.json(string: plan.name)
      out.json(",\"feature\":")
      out.json(string: feature.name)
      out.json(",\"required_plans\":[")
      for (index, name) in required.enumerated() {
        if index > 0 { out.json(",") }
        out.json(string: name)
      }
      out.json("],\"upgrade_url\":")
      out.json(stringOrNull: upgrade)
    }
  }

  func subscriptionInactive(_ entitlement: Entitlement) -> Problem {
    let links = handler.links()
    let detail = entitlement.lockoutReason?.sentence ?? "The subscription is not active."
    return Problem(.subscriptionInactive, detail, headers: nil) { out in
      out.json(",\"plan\":")
      out.json(stringOrNull: entitlement.plan?.name)
      out.json(",\"subscription_status\":")
      out.json(string: entitlement.status)
      out.json(",\"lockout_reason\":")
      out.json(stringOrNull: entitlement.lockoutReason?.rawValue)
      out.json(",\"portal_url\":")
      out.json(stringOrNull: links.customerPortalURL)
      out.json(",\"upgrade_url\":")
      out.json(stringOrNull: links.upgradeURL)
    }
  }

  /// `ofFeature`: the feature's own limit, not the plan's.
  func rateLimited(_ policy: StaticString, ofFeature: Bool = false) -> Problem {
    let numbers = call.numbers
    let seconds = numbers.retryAfterSeconds
    let unit = policy == "requests" ? "requests" : "tokens"
    let place = ofFeature ? " for \(prepared?.feature.name ?? "this feature")" : ""
    return Problem(
      .rateLimited, "Too many \(unit) in a short time\(place).",
      headers: limitHeaders(numbers, retryAfter: seconds, isRequestRate: policy == "requests")
    ) { out in
      out.json(",\"policy\":\"")
      out.json(policy)
      out.json("\",\"retry_after_s\":")
      out.json(seconds)
    }
  }

  func concurrencyLimited() -> Problem {
    let numbers = call.numbers
    return Problem(
      .concurrencyLimited, "As many reservations are open as the plan allows.",
      headers: limitHeaders(numbers, retryAfter: numbers.retryAfterSeconds, isRequestRate: false)
    ) { out in
      out.json(",\"limit\":")
      out.json(numbers.detail)
    }
  }

  func budgetExhausted(_ scope: AccountID.Kind) -> Problem {
    let numbers = call.numbers
    let requested = numbers.granted
    let upgrade = handler.links().upgradeURL
    return Problem(
      .budgetExhausted, "The \(scope == .user ? "user's" : "tenant's") budget does not cover this request.",
      headers: limitHeaders(
        numbers, retryAfter: numbers.secondsToReset.map { max(1, $0) }, isRequestRate: false)
    ) { out in
      out.json(",\"scope\":\"")
      out.json(scope == .user ? "user" : "tenant")
      out.json("\",\"requested\":")
      out.json(requested)
      out.json(",\"remaining\":")
      out.json(numbers.detail)
      out.json(",\"resets_at\":")
      out.json(numbers.budget.resetsAt)
      out.json(",\"upgrade_url\":")
      out.json(stringOrNull: upgrade)
    }
  }

  private func limitHeaders(
    _ numbers: CheckNumbers, retryAfter: Int64?, isRequestRate: Bool
  ) -> @Sendable (inout ByteBuffer) -> Void {
    let requests = entry?.entitlement.limits.requests
    let isDegraded = isDegraded
    return { out in
      if let retryAfter {
        out.writeStaticString("Retry-After: ")
        out.json(retryAfter)
        out.writeStaticString("\r\n")
      }
      RateLimitHeaders(
        requests: requests, numbers: numbers, isRequestRateUsedUp: isRequestRate, isDegraded: isDegraded
      ).write(into: &out)
    }
  }
}

extension StaticString {
  static func == (left: StaticString, right: StaticString) -> Bool { left.description == right.description }
}
