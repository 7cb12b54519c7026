import AdminAPI
import Gate
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

/// The admin listener over a live socket: what the adapter adds to the routes.
@Suite struct ListenerTests {
  private let key: HTTPFields = [.authorization: "Bearer \(Bench.operatorKey)"]

  @Test func answersOverASocket() async throws {
    let bench = Bench()
    let lines = (0..<450).map { number in
      LedgerLine(
        operation: "op\(number)", at: AccountsFake.now, user: "u_1", tenant: nil, feature: "chat", tokens: 1,
        kind: "spend", outcome: nil, reservation: nil, metadata: nil)
    }
    bench.accounts.with { $0.lines = lines }
    let app = Application(responder: ControlResponder(bench.admin))
    try await app.test(.live) { client in
      let user = try await client.execute(uri: "/admin/v1/users/u_1?", method: .get, headers: key)
      #expect(user.status.code == 200)
      #expect(user.headers[HTTPField.Name("X-Request-Id")!] != nil)
      let put = try await client.execute(
        uri: "/admin/v1/users/a%2Fb", method: .put, headers: key, body: ByteBuffer(string: "{}"))
      #expect(String(buffer: put.body).contains("\"id\":\"a/b\""))
      var accept = key
      accept[.accept] = "text/csv"
      let csv = try await client.execute(uri: "/admin/v1/users/u_1/ledger", method: .get, headers: accept)
      #expect(String(buffer: csv.body).split(separator: "\r\n").count == 451)
      let large = ByteBuffer(repeating: 0x20, count: 70_000)
      let refused = try await client.execute(
        uri: "/admin/v1/users/u_1", method: .put, headers: key, body: large)
      #expect(refused.status.code == 413)
      #expect(refused.headers[.contentType] == "application/problem+json")
      let missing = try await client.execute(uri: "/admin/v1/users", method: .get)
      #expect(missing.status.code == 401 && missing.headers[.wwwAuthenticate] == "Bearer realm=\"tollgate\"")
      let nowhere = try await client.execute(uri: "/nowhere", method: .get)
      #expect(nowhere.status.code == 404 && nowhere.headers[.contentType] == "application/problem+json")
      let revoked = try await client.execute(uri: "/admin/v1/tokens/tok_9", method: .delete, headers: key)
      #expect(revoked.status.code == 204)
    }
  }
}
