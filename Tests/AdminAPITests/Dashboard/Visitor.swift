import AdminAPI
import Dashboard
import Gate
import Testing

/// A browser before the dashboard, over fakes.
final class Visitor {
  let bench: Bench
  let sessions: SessionsFake
  let dashboard: Dashboard
  /// `__Host-tollgate=…`, once signed in.
  var cookie: String?

  init(_ bench: Bench = Bench(), sessions: SessionsFake = SessionsFake()) {
    self.bench = bench
    self.sessions = sessions
    sessions.with { $0.roles = ["k_op": .operator, "k_view": .viewer] }
    dashboard = Dashboard(api: bench.admin, control: bench.control, sessions: sessions)
  }

  static let sameOrigin: [(name: String, value: String)] = [
    ("Origin", "http://admin.example"), ("Sec-Fetch-Site", "same-origin"),
  ]

  func send(
    _ method: String, _ target: String, _ fields: [(String, String)] = [],
    headers: [(name: String, value: String)] = Visitor.sameOrigin
  ) async -> ControlResponse {
    var headers = headers + [("Host", "admin.example")]
    if !headers.contains(where: { $0.name == "Accept" }) { headers.append(("Accept", "text/html")) }
    if let cookie { headers.append(("Cookie", "other=1; \(cookie)")) }
    if method == "POST" { headers.append(("Content-Type", "application/x-www-form-urlencoded")) }
    let body = fields.map { "\(Query.encode($0.0))=\(Query.encode($0.1))" }.joined(separator: "&")
    var request = ControlRequest(method: method, target: target, headers: headers, body: Array(body.utf8))
    request.peer = "192.0.2.1"
    return await dashboard.respond(to: request)
  }

  func get(_ target: String) async -> ControlResponse { await send("GET", target) }

  @discardableResult
  func signIn(_ key: String = Bench.operatorKey) async -> ControlResponse {
    let answer = await send("POST", "/sign-in", [("key", key)])
    cookie = answer.value(of: "Set-Cookie")?.split(separator: ";").first.map(String.init)
    return answer
  }

  /// The token that stands in this session's forms.
  func csrf() async -> String {
    let page = await get("/settings").text
    return page.firstMatch(of: /name="csrf" value="([0-9a-f]{64})"/).map { String($0.1) } ?? ""
  }

  /// Sends a form as its page would.
  func post(_ target: String, _ fields: [(String, String)] = []) async -> ControlResponse {
    await send("POST", target, fields + [("csrf", await csrf())])
  }
}

extension ControlResponse {
  var text: String {
    guard case .bytes(let bytes) = body else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
