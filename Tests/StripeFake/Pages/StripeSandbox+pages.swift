extension StripeSandbox {
  /// Answers what a browser asks for. `body` is a form.
  package mutating func page(
    _ method: String, _ path: String, body: String, tokens: FormTokens
  ) -> PageResponse {
    let parts = path.split(separator: "/").map(String.init)
    if method == "GET" {
      if parts.isEmpty { return ControlPage.html(self, tokens) }
      if let session = session(parts) { return CheckoutPage.html(session, account, tokens) }
      if let visit = visit(parts) { return PortalPage.html(visit, account, tokens) }
      return Page.notFound("page")
    }
    guard method == "POST" else { return Page.html("Not allowed", "", status: 405) }
    var form = Parameters(form: body)
    let token = (try? form.text("token")) ?? nil
    guard tokens.fits(token, path) else {
      return Page.html(
        "Not done", "<p>The form is not from this server. <a href=\"/\">Start again</a></p>", status: 403)
    }
    if let session = session(parts) {
      let action = ((try? form.text("action")) ?? nil) ?? ""
      return CheckoutPage.submit(session.id, action: action, &account, tokens)
    }
    if let visit = visit(parts) { return PortalPage.submit(visit, &form, &account) }
    if parts.count == 2, parts[0] == "control" { return ControlPage.submit(parts[1], &form, &self) }
    return Page.notFound("page")
  }

  private func session(_ parts: [String]) -> StripeAccount.CheckoutSession? {
    guard parts.count == 3, parts[0] == "c", parts[1] == "pay" else { return nil }
    return account.sessions[parts[2]]
  }

  private func visit(_ parts: [String]) -> StripeAccount.PortalSession? {
    guard parts.count == 3, parts[0] == "p", parts[1] == "session" else { return nil }
    return account.portalSessions.all.first { $0.url.hasSuffix("/p/session/\(parts[2])") }
  }

  /// `POST /control/v1/…` with the API key: the control page's actions for scripts.
  package mutating func control(_ request: APIRequest) -> APIResponse {
    if let refusal = authenticate(request) { return APIResponse(refusal) }
    var form = Parameters(form: request.body)
    let action = String(request.path.dropFirst("/control/v1/".count))
    do {
      guard request.method == "POST", let json = try ControlActions.perform(action, &form, &self) else {
        return APIResponse(StripeFault("There is no such control.", status: 404))
      }
      return APIResponse(200, json)
    } catch {
      return APIResponse(error)
    }
  }
}
