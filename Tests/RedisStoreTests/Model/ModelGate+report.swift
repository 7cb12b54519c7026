import Gate

extension ModelGate {
  /// What is left; tells of the binding budget alone. Only the clock's decisions are written.
  mutating func report(_ request: ModelRequest) -> ModelAnswer {
    let principal = request.rights.principal
    let userID = AccountID.user(principal.user)
    func bare(_ letter: Character) -> ModelAnswer { ModelAnswer(letter: letter, now: now) }
    if now > request.deadline { return bare("L") }
    if !request.calendars.day.contains(now) { return bare("W") }
    guard var user = account(userID, epoch: request.epoch) else { return bare("M") }
    if expire(&user, userID) { return bare("G") }
    if let own = request.rights.entitlement.own, own.source == .calendar {
      if !request.calendars.own.contains(now) { return bare("W") }
      user.follow(own, request.calendars.own)
    }
    if let tenant = principal.tenant {
      guard var pool = account(.tenant(tenant), epoch: request.epoch) else { return bare("Q") }
      if expire(&pool, .tenant(tenant)) { return bare("G") }
      if let terms = request.rights.entitlement.pool, terms.source == .calendar,
        !request.calendars.pool.contains(now)
      {
        return bare("W")
      }
    }
    let day = request.calendars.day.start
    var answer = ModelAnswer(letter: "A", granted: user.version, budget: user.budget, now: now)
    answer.requestsLeft = user.hour.taken(in: now - now % 3_600_000)
    answer.retry = user.day.taken(in: day)
    answer.detail = Int64(user.open.count)
    return answer
  }
}
