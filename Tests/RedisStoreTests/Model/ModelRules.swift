import Gate

/// One rule of a check, as it stands before anything is taken.
struct ModelRule {
  var number: RuleVerdict.Rule
  var fails: Bool
  var limit: Int64
  var taken: Int64
  var asked: Int64
  /// Milliseconds.
  var retry: Int64 = 0
  var detail: Int64 = 0
  /// Its bit, where it only records.
  var shadow: ShadowedLimits?

  var letter: Character { Array("RTHYNrthynBP")[Int(number.rawValue) - 1] }
  var told: RuleVerdict {
    RuleVerdict(
      rule: number, verdict: !fails ? .passes : shadow == nil ? .refuses : .records, limit: limit,
      taken: taken,
      requested: asked, retryAfterMilliseconds: fails ? retry : 0)
  }
}

extension ModelDecision {
  /// All rules in the contract's order: rates and caps of the plan and of the feature, slots, budgets.
  func rules(_ amount: Int64, ownLeft: Int64?, poolLeft: Int64?) -> [ModelRule] {
    let plan = request.rights.limits
    let own = request.rights.featureLimits
    let feature = user.features[request.feature] ?? ModelFeature()
    var rules = rates(
      plan, amount, arrivals: (user.requestsArrival, user.tokensArrival), user.hour, user.day,
      numbers: [.requests, .tokens, .hourlyTokens, .dailyTokens], ofFeature: false)
    if let own {
      rules += rates(
        own, amount, arrivals: (feature.requestsArrival, feature.tokensArrival), feature.hour, feature.day,
        numbers: [.featureRequests, .featureTokens, .featureHourlyTokens, .featureDailyTokens],
        ofFeature: true)
    }
    if request.mode == .reserve {
      let wait = (user.open.first?.expires ?? now + 1000) - now
      let most = Int64(Limits.openHoldsMax)
      rules.append(
        slots(.concurrent, min(plan.concurrent ?? most, most), user.open.count, wait, plan, ofFeature: false))
      if let own, let limit = own.concurrent {
        rules.append(slots(.featureConcurrent, limit, feature.open.count, wait, own, ofFeature: true))
      }
    }
    if let ownLeft { rules.append(budget(.userBudget, user.budget, ownLeft, amount)) }
    if let poolLeft, let pool { rules.append(budget(.tenantBudget, pool.budget, poolLeft, amount)) }
    return rules
  }

  private func rates(
    _ limits: RateLimits, _ amount: Int64, arrivals: (requests: Double, tokens: Double), _ hour: ModelWindow,
    _ day: ModelWindow, numbers: [RuleVerdict.Rule], ofFeature: Bool
  ) -> [ModelRule] {
    let clock = Double(clock)
    var rules: [ModelRule] = []
    func shadow(_ name: String, _ bit: ShadowedLimits) -> ShadowedLimits? {
      limits.shadow.contains(name) ? (ofFeature ? bit.ofFeature : bit) : nil
    }
    func bucket(
      _ number: RuleVerdict.Rule, _ limit: WindowLimit, _ arrival: Double, _ asked: Int64,
      _ bit: ShadowedLimits?
    ) {
      let bucket = ModelBucket(limit)
      let early = bucket.early(bucket.arrival(arrival, clock, taking: Double(asked)), clock)
      rules.append(
        ModelRule(
          number: number, fails: early > 0.5, limit: limit.burst,
          taken: limit.burst - bucket.left(arrival, clock),
          asked: asked, retry: Int64((early / 1000).rounded(.up)), shadow: bit))
    }
    if let limit = limits.requests {
      bucket(numbers[0], limit, arrivals.requests, 1, shadow("requests", .requests))
    }
    guard amount > 0 else { return rules }
    if let limit = limits.tokens {
      bucket(numbers[1], limit, arrivals.tokens, amount, shadow("tokens", .tokens))
    }
    let hourStart = now - now % 3_600_000
    if let cap = limits.hourlyTokens {
      let taken = hour.taken(in: hourStart)
      rules.append(
        ModelRule(
          number: numbers[2], fails: taken + amount > cap, limit: cap, taken: taken, asked: amount,
          retry: hourStart + 3_600_000 - now, shadow: shadow("hourly_tokens", .hourlyTokens)))
    }
    if let cap = limits.dailyTokens {
      let taken = day.taken(in: request.calendars.day.start)
      rules.append(
        ModelRule(
          number: numbers[3], fails: taken + amount > cap, limit: cap, taken: taken, asked: amount,
          retry: request.calendars.day.stop - now, shadow: shadow("daily_tokens", .dailyTokens)))
    }
    return rules
  }

  private func slots(
    _ number: RuleVerdict.Rule, _ limit: Int64, _ open: Int, _ wait: Int64, _ limits: RateLimits,
    ofFeature: Bool
  ) -> ModelRule {
    let bit = ofFeature ? ShadowedLimits.concurrent.ofFeature : .concurrent
    return ModelRule(
      number: number, fails: Int64(open) >= limit, limit: limit, taken: Int64(open), asked: 1, retry: wait,
      detail: limit, shadow: limits.shadow.contains("concurrent") ? bit : nil)
  }

  private func budget(
    _ number: RuleVerdict.Rule, _ budget: ModelBudget, _ left: Int64, _ amount: Int64
  ) -> ModelRule {
    ModelRule(
      number: number, fails: amount > left, limit: budget.limit, taken: budget.used + budget.held,
      asked: amount,
      detail: left)
  }
}
