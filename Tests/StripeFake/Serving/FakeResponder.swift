internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// hummingbird's request in, the sandbox's answer out.
struct FakeResponder: HTTPResponder {
  /// Keeps the channel, so that a connection can be broken on purpose.
  struct Context: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      channel = source.channel
    }
  }

  struct Broken: Error {}

  static let bodyBytesMax = 1_048_576
  let server: StripeFakeServer

  func respond(to request: Request, context: Context) async throws -> Response {
    let body = try await request.body.collect(upTo: FakeResponder.bodyBytesMax)
    let target = request.head.path ?? "/"
    let path = String(target.prefix { $0 != "?" })
    let method = request.method.rawValue
    let text = String(buffer: body)
    guard path.hasPrefix("/v1/") || path.hasPrefix("/control/v1/") else {
      return page(server.with { $0.page(method, path, body: text, tokens: server.tokens) })
    }
    let headers = Dictionary(request.headers.map { ($0.name.canonicalName, $0.value) }) { $1 }
    let plain = APIRequest(method, target, headers: headers, body: text)
    if path.hasPrefix("/control/") { return answer(server.with { $0.control(plain) }) }
    switch server.with({ $0.admit(plain) }) {
    case .answer(let response): return answer(response)
    case .drop: break
    case .run(let ticket, let milliseconds):
      if milliseconds > 0 { try await Task.sleep(for: .milliseconds(milliseconds)) }
      if let response = server.with({ $0.run(ticket) }) { return answer(response) }
    }
    try? await context.channel.close()
    throw Broken()
  }

  private func answer(_ response: APIResponse) -> Response {
    var fields: HTTPFields = [.contentType: "application/json"]
    for header in response.headers {
      if let name = HTTPField.Name(header.name) { fields.append(HTTPField(name: name, value: header.value)) }
    }
    return Response(
      status: .init(code: response.status), headers: fields,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: response.json.bytes)))
  }

  private func page(_ page: PageResponse) -> Response {
    switch page {
    case .redirect(let url):
      // What Stripe was told is where people go; a line break in it must not become a header.
      guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        return Response(status: .internalServerError)
      }
      return Response(status: .seeOther, headers: [.location: url])
    case .html(let status, let text):
      return Response(
        status: .init(code: status),
        headers: [
          .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
          .contentSecurityPolicy:
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ],
        body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
  }
}
