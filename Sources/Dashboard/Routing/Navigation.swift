/// The parts of the dashboard, in the order of the navigation.
enum Navigation {
  enum Section: String, CaseIterable {
    case overview = "Overview"
    case users = "Users"
    case tenants = "Tenants"
    case billing = "Billing"
    case backend = "Backend"
    case webhooks = "Webhooks"
    case events = "Events"
    case audit = "Audit"
    case settings = "Settings"

    var path: String { self == .overview ? "/" : "/\(rawValue.lowercased())" }
  }

  static func view(current: Section?) -> View {
    .list(
      Section.allCases.map { section in
        .object([
          "name": .text(section.rawValue), "path": .text(section.path), "current": .flag(section == current),
        ])
      })
  }
}
