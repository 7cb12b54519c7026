package import Gate

/// Who a request comes from.
enum Caller: Sendable, Equatable {
  /// The route asks for no credential.
  case anyone
  case admin(Admin)
  /// A backend; `forwarding` is the user whose own token came along.
  case service(key: String, forwarding: Principal?)
  /// An extension token alone.
  case user(Principal)

  /// As the audit log names it.
  var actor: String {
    switch self {
    case .anyone: "system"
    case .admin(let admin): admin.actor
    case .service(let key, _): "key:\(key)"
    case .user(let principal): "user:\(principal.user)"
    }
  }
}

/// Somebody with an admin key, whichever door they came by: a bearer of it, or a session of the dashboard.
package struct Admin: Sendable, Equatable {
  /// The key's id; `bootstrap` of the environment's.
  package var key: String
  /// What it may.
  package var role: APIKey.Role

  /// Memberwise.
  package init(key: String, role: APIKey.Role) {
    self.key = key
    self.role = role
  }

  /// The environment's key, which is an operator's.
  package static let bootstrap = Admin(key: "bootstrap", role: .operator)

  /// As the audit log names it.
  package var actor: String { "key:\(key)" }

  /// Whether it may make calls that ask for this.
  package func may(_ access: Access) -> Bool {
    switch access {
    case .open, .adminRead: true
    case .adminWrite: role == .operator
    case .service, .user: false
    }
  }
}

/// What a route asks of its caller.
package enum Access: String, Sendable, CaseIterable {
  /// No credential.
  case open
  /// An admin key of any role.
  case adminRead = "viewer"
  /// An admin key with the role `operator`.
  case adminWrite = "operator"
  /// A service key, with a user.
  case service
  /// A user's extension token, or a service key with a user.
  case user
}
