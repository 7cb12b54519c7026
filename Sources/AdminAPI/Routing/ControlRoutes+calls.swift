internal import Gate
package import Logging

extension ControlRoutes {
  /// Makes a call for an admin that another door of this process has let in: the same handler, the same
  /// rules for fields and roles, the same audit as over HTTP. `template` has to be one of ``routes``.
  package func call(
    _ method: String, _ template: String, _ parameters: [String: String] = [:],
    query: [(name: String, value: String)] = [], headers: [(name: String, value: String)] = [],
    body: JSON? = nil, as admin: Admin, logger: Logger
  ) async throws(Problem) -> ControlResponse {
    guard let route = routes.first(where: { $0.method == method && $0.template == template }) else {
      throw .notFound("such call here: what it stands on is not configured")
    }
    guard admin.may(route.access) else { throw Problem(.forbidden, "Your admin key may only read.") }
    let request = ControlRequest(
      method: method, path: template,
      query: query.map { "\(Query.encode($0.name))=\(Query.encode($0.value))" }.joined(separator: "&"),
      headers: headers, body: body?.bytes ?? [])
    let exchange = Exchange(
      control: control, request: request, parameters: parameters, caller: .admin(admin), logger: logger)
    do { return try await route.handle(exchange) } catch { throw Problem.from(error, logger: logger) }
  }

  /// Who an admin key belongs to; nil for a text that is none.
  package func admin(key: String) async throws(Problem) -> Admin? {
    guard key.utf8.count <= Authenticator.credentialBytesMax else { return nil }
    do { return try await Authenticator(control: control).admin(key: key) } catch {
      throw Problem.from(error, logger: control.logger)
    }
  }
}
