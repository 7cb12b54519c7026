package import AdminAPI
package import Gate

/// `/me` on the gate's listener: users see their own budget. The token comes in the body of a form, never in
/// an address; nothing of it is kept, and there is no session.
package struct UserPage: ControlService {
  let api: ControlRoutes
  private static let path = "/me"

  /// Puts the page before the gate's other calls.
  package init(before api: ControlRoutes) { self.api = api }

  package func bodyBytesMax(path: String) -> Int { api.bodyBytesMax(path: path) }

  package func refuse(_ request: ControlRequest, code: ProblemCode, detail: String) -> ControlResponse {
    api.refuse(request, code: code, detail: detail)
  }

  package func respond(to request: ControlRequest) async -> ControlResponse {
    guard request.path == UserPage.path || request.path.hasPrefix("\(UserPage.path)/assets/") else {
      return await api.respond(to: request)
    }
    let (id, logger) = api.logger(for: request)
    var response: ControlResponse
    do {
      response = try await answer(request)
    } catch {
      let problem = Problem.from(error, logger: logger)
      response = UserPage.page(["problem": .text(problem.detail)], status: problem.code.status)
      response.headers += problem.headers
    }
    if request.method == "HEAD" { response.body = .bytes([]) }
    api.finish(&response, id: id)
    return response
  }

  private func answer(_ request: ControlRequest) async throws(Problem) -> ControlResponse {
    let isPage = request.path == UserPage.path
    switch request.method {
    case "GET" where !isPage, "HEAD" where !isPage:
      var asset = request
      asset.path = String(request.path.dropFirst(UserPage.path.count))
      return try AssetFiles.answer(asset)
    case "GET", "HEAD": return UserPage.page([:])
    case "POST" where isPage: return try await budget(request)
    default:
      let allow = (name: "Allow", value: isPage ? "GET, HEAD, POST" : "GET, HEAD")
      throw Problem(.methodNotAllowed, "This page takes \(allow.value).", headers: [allow])
    }
  }

  private func budget(_ request: ControlRequest) async throws(Problem) -> ControlResponse {
    try FormOrigin.check(request)
    guard let token = try Form(request).text("token") else {
      return UserPage.page(["problem": .text("Enter your token.")], status: 400)
    }
    let report = try await ask("/v1/budget", token)
    guard case .json(let budget) = report else { return report.page }
    let links = try await ask("/v1/billing/links", token)
    guard case .json(let links) = links else { return links.page }
    let plan = budget["plan"]?.text
    return UserPage.page([
      "report": View(budget).with([
        "own": budget["budget"].map { BudgetBar.view($0, name: "own") } ?? .null, "plan": .text(plan),
      ]), "upgrade_url": .text(links["upgrade_url"]?.text),
    ])
  }

  private enum Reply {
    case json(JSON)
    case refused(String, status: Int)

    var page: ControlResponse {
      guard case .refused(let detail, let status) = self else { return UserPage.page([:]) }
      return UserPage.page(["problem": .text(detail)], status: status)
    }
  }

  /// Asks as the user's own extension would.
  private func ask(_ path: String, _ token: String) async throws(Problem) -> Reply {
    let answer = await api.respond(
      to: ControlRequest(method: "GET", target: path, headers: [("X-TLE-Token", token)]))
    guard case .bytes(let bytes) = answer.body, let json = try? JSON(parsing: bytes) else {
      throw Problem(.internalError, "The budget could not be read.")
    }
    return answer.status == 200
      ? .json(json) : .refused(json["detail"]?.text ?? "Try again later.", status: answer.status)
  }

  private static func page(_ context: [String: View], status: Int = 200) -> ControlResponse {
    var all = context
    all["style"] = .text(UserPage.path + AssetFiles.style.path)
    all["icon"] = .text(UserPage.path + AssetFiles.icon.path)
    return Visit.html(Templates.render("me", .object(all)), status: status)
  }
}
