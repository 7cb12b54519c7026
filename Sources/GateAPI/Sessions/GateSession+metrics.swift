/// What a request is counted as.
extension GateSession.Purpose {
  var route: GateMetrics.Route {
    switch self {
    case .check: .check
    case .usage: .usage
    case .settle: .settle
    case .release: .release
    case .extend: .extend
    case .authz: .authz
    }
  }
}

extension Route {
  /// Until the request itself says more.
  var purpose: GateSession.Purpose {
    switch self {
    case .check, .control: .check
    case .usage: .usage
    case .reservation: .settle
    case .authz: .authz
    }
  }
}
