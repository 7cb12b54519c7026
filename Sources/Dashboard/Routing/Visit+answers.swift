internal import AdminAPI
internal import Gate

extension Visit {
  /// A whole page. `section` is the part of the navigation that it belongs to.
  func page(
    _ title: String, _ template: String, _ context: [String: View], section: Navigation.Section? = nil,
    status: Int = 200
  ) -> ControlResponse {
    var all = context
    all["may_write"] = .flag(mayWrite)
    all["csrf"] = .text(session?.csrf ?? "")
    let main = Templates.render(template, .object(all))
    let layout: [String: View] = [
      "title": .text(title), "main": .text(main), "style": .text(AssetFiles.style.path),
      "script": .text(AssetFiles.script.path), "icon": .text(AssetFiles.icon.path),
      "navigation": session == nil ? .null : Navigation.view(current: section),
      "session": session.map { session in
        .object([
          "key": .text(session.admin.key), "role": .text(session.admin.role.rawValue),
          "csrf": .text(session.csrf),
        ])
      } ?? .null,
      "notice": .text(query("done").flatMap { Notices.texts[$0] }),
    ]
    return Visit.html(Templates.render("layout", .object(layout)), status: status)
  }

  /// An error for people.
  func problemPage(_ problem: Problem) -> ControlResponse {
    let fields: [View] = problem.errors.map { .text("\($0.field) \($0.message)") }
    var response = page(
      problem.code.title, "problem",
      [
        "title": .text(problem.code.title), "detail": .text(problem.detail),
        "fields": .list(problem.errors.count > 1 ? fields : []), "signed_in": .flag(session != nil),
      ], status: problem.code.status)
    response.headers += problem.headers
    return response
  }

  /// To another page after a form was done, so that loading it again does nothing again.
  func redirect(to path: String, done notice: Notices.Name? = nil) -> ControlResponse {
    let target = notice.map { "\(path)\(path.contains("?") ? "&" : "?")done=\($0.rawValue)" } ?? path
    return ControlResponse(status: 303, headers: [("Location", target)])
  }

  /// For somebody without a session: a page is put off until they have one, a form's doing isn't.
  func askToSignIn() -> ControlResponse {
    if request.method == "POST" || request.values(of: "Accept").contains("text/event-stream") {
      return SignInPages.page(self, status: 401, problem: "Your session has ended. Sign in again.")
    }
    let target = request.path + (request.query.isEmpty ? "" : "?\(request.query)")
    return redirect(to: target == "/" ? "/sign-in" : "/sign-in?next=\(Query.encode(target))")
  }

  static func html(_ text: String, status: Int) -> ControlResponse {
    ControlResponse(
      status: status, headers: [("Content-Type", "text/html; charset=utf-8")] + PageHeaders.all,
      body: .bytes(Array(text.utf8)))
  }
}

/// What every page says to the browser about what it may do.
package enum PageHeaders {
  /// Nothing from elsewhere, nothing inline, no frames.
  package static let contentSecurityPolicy = [
    "default-src 'none'", "style-src 'self'", "script-src 'self'", "connect-src 'self'", "img-src 'self'",
    "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
  ].joined(separator: "; ")

  static let all: [(name: String, value: String)] = [
    ("Content-Security-Policy", contentSecurityPolicy), ("X-Frame-Options", "DENY"),
    // Not `no-referrer`: with it browsers send forms with `Origin: null`.
    ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
  ]
}

/// What a page says after a form was done, by the word in the query.
enum Notices {
  enum Name: String {
    case saved, granted, reset, revoked, replayed, sent, ended
    case limitSet = "limit-set"
    case limitRemoved = "limit-removed"
    case grantRevoked = "grant-revoked"
    case tokenRevoked = "token-revoked"
    case keyRevoked = "key-revoked"
    case signedOut = "signed-out"
  }
  static let texts: [String: String] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.key.rawValue, $0.value) })

  private static let all: [Name: String] = [
    .saved: "Saved.", .granted: "The tokens are granted, and can be spent now.",
    .reset: "The budget is reset.", .revoked: "Done.", .grantRevoked: "The grant is taken back.",
    .tokenRevoked: "The token is revoked. Its next request is refused, on every gate.",
    .keyRevoked: "The key is revoked, and sessions with it have ended.",
    .replayed: "The event was processed again; below is what became of it.",
    .sent: "The event is on its way again; below is how each delivery stands.",
    .limitSet: "The limit is in force, on every gate.",
    .limitRemoved: "The limit is taken away; the plan's counts again.",
    .signedOut: "You are signed out.", .ended: "Your session has ended.",
  ]
}
