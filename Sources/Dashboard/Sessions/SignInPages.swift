internal import AdminAPI
internal import Gate
internal import Logging

/// Coming in with an admin key, and going out.
enum SignInPages {
  static let all = [
    PageRoute("GET", "/sign-in", .anyone, handle: show),
    PageRoute("POST", "/sign-in", .anyone, handle: signIn),
    PageRoute("POST", "/sign-out", .viewer, handle: signOut),
  ]

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    if visit.session != nil { return visit.redirect(to: next(visit.query("next"))) }
    // Back from a sign-in that worked, and without its cookie.
    let isCookieLost = visit.query("signed-in") != nil
    return page(
      visit,
      problem: isCookieLost
        ? "Your browser did not keep the session's cookie. Open the dashboard by https, or on this machine "
          + "as http://localhost, and sign in again." : nil)
  }

  static func page(_ visit: Visit, status: Int = 200, problem: String? = nil) -> ControlResponse {
    var visit = visit
    visit.session = nil
    return visit.page(
      "Sign in", "sign-in",
      [
        "problem": .text(problem), "next": .text(visit.query("next") ?? visit.form.text("next")),
        "bootstrap": .flag(visit.control.bootstrapOperator != nil),
      ], status: status)
  }

  private static func signIn(_ visit: Visit) async throws -> ControlResponse {
    let address = visit.request.peer ?? "unknown"
    let attempts = visit.dashboard.attempts
    if let seconds = attempts.wait(for: address, at: visit.now) {
      var refused = page(
        visit, status: 429, problem: "Too many keys were refused. Try again in \(seconds) seconds.")
      refused.headers.append((name: "Retry-After", value: String(seconds)))
      return refused
    }
    guard let key = visit.form.text("key"), let admin = try await visit.dashboard.api.admin(key: key) else {
      attempts.noteFailure(of: address, at: visit.now)
      visit.logger.notice("sign-in refused", metadata: ["peer.address": "\(address)"])
      return page(visit, status: 401, problem: "This is not a valid admin key.")
    }
    if let former = visit.session { try await visit.dashboard.end(former.secretHash, visit.logger) }
    let secret = try await visit.dashboard.begin(admin, visit.logger)
    let path = next(visit.form.text("next"))
    // Asks for the page by way of the sign-in, which says so when the cookie has not been kept.
    var response = visit.redirect(to: "/sign-in?signed-in=1&next=\(Query.encode(path))")
    response.headers.append(SessionCookie.header(secret, seconds: visit.dashboard.limits.seconds))
    return response
  }

  private static func signOut(_ visit: Visit) async throws -> ControlResponse {
    if let session = visit.session { try await visit.dashboard.end(session.secretHash, visit.logger) }
    var response = visit.redirect(to: "/sign-in", done: .signedOut)
    response.headers.append(SessionCookie.removal)
    return response
  }

  /// Where to go on: a path of ours, whatever the query says.
  static func next(_ path: String?) -> String {
    guard let path, path.first == "/", !path.hasPrefix("//"), path.utf8.count <= 2_000,
      path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
    else { return "/" }
    return path
  }
}
