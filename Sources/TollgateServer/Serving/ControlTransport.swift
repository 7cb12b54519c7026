internal import AdminAPI
internal import HTTPServing
internal import NIOCore

/// The gate listener's cold routes: its own server's request in, a ``ControlService``, its own server's answer
/// out.
struct ControlTransport: Sendable {
  let service: any ControlService

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    let response = await service.respond(
      to: ControlRequest(
        method: request.method, path: request.path, query: request.query ?? "", headers: request.headers,
        body: Array(request.body.readableBytesView)))
    let headers = response.headers.map { ($0.name, $0.value) }
    do {
      let body = try await response.body.collected()
      return HTTPResponse(status: response.status, headers: headers, body: ByteBuffer(bytes: body))
    } catch {
      return HTTPResponse(status: 503)
    }
  }
}
