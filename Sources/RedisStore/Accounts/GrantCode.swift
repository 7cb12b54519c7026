internal import Gate

/// What a grant is, as `lua/account.lua` numbers it.
enum GrantCode: Int64 {
  case calendar = 0
  case period = 1
  case topup = 2
  case rollover = 3
  case adjustment = 4
  case superseded = 5

  init(_ grant: Grant) {
    switch (grant.kind, grant.reference.series) {
    case (.period, .calendar): self = .calendar
    case (.period, _): self = .period
    case (.topup, _): self = .topup
    case (.rollover, _): self = .rollover
    case (.adjustment, _): self = .adjustment
    }
  }

  var kind: Grant.Kind {
    switch self {
    case .calendar, .period, .superseded: .period
    case .topup: .topup
    case .rollover: .rollover
    case .adjustment: .adjustment
    }
  }

  var series: Grant.Reference.Series {
    switch self {
    case .calendar, .superseded: .calendar
    case .rollover: .rollover
    case .period, .topup, .adjustment: .granted
    }
  }
}
