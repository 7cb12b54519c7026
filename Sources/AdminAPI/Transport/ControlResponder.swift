package import Gate
internal import HTTPTypes
package import Hummingbird
internal import NIOCore

/// What a listener of the control plane serves: a table of calls, or something around one.
package protocol ControlService: Sendable {
  /// How many bytes of a body are worth reading for a request.
  func bodyBytesMax(path: String) -> Int
  /// The answer to a request, always.
  func respond(to request: ControlRequest) async -> ControlResponse
  /// The answer to what the transport itself has to refuse.
  func refuse(_ request: ControlRequest, code: ProblemCode, detail: String) -> ControlResponse
}

extension ControlRoutes: ControlService {}

/// The admin listener's transport: hummingbird's request in, a ``ControlService``, hummingbird's answer out.
package struct ControlResponder: HTTPResponder {
  /// What travels beside a request: hummingbird's own, and who is at the other end.
  package struct Context: RequestContext {
    package var coreContext: CoreRequestContextStorage
    let peer: String?

    package init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      peer = source.channel.remoteAddress?.ipAddress
    }
  }
  let routes: any ControlService

  /// Serves a table of calls.
  package init(_ routes: any ControlService) { self.routes = routes }

  /// Reads the body within the route's bound, and answers.
  package func respond(to request: Request, context: Context) async throws -> Response {
    let path = request.head.path ?? "/"
    var headers = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
    if let host = request.head.authority { headers.append((name: "host", value: host)) }
    var plain = ControlRequest(method: request.method.rawValue, target: path, headers: headers)
    plain.peer = context.peer
    do {
      let buffer = try await request.body.collect(upTo: routes.bodyBytesMax(path: plain.path))
      plain.body = Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      let detail = "The body may have \(routes.bodyBytesMax(path: plain.path)) bytes."
      return response(routes.refuse(plain, code: .bodyTooLarge, detail: detail))
    }
    return response(await routes.respond(to: plain))
  }

  private func response(_ plain: ControlResponse) -> Response {
    var fields = HTTPFields()
    for header in plain.headers {
      guard let name = HTTPField.Name(header.name) else { continue }
      fields.append(HTTPField(name: name, value: header.value))
    }
    let body =
      switch plain.body {
      case .bytes(let bytes) where bytes.isEmpty: ResponseBody()
      case .bytes(let bytes): ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
      case .pages(let pages): ControlResponder.streamed(pages)
      }
    return Response(status: .init(code: plain.status), headers: fields, body: body)
  }

  /// Page by page, each written before the next is read: the reader's pace is the store's.
  private static func streamed(_ pages: PagedBody) -> ResponseBody {
    ResponseBody { writer in
      try await writer.write(ByteBuffer(bytes: pages.first))
      var cursor = pages.cursor
      while let here = cursor {
        let page = try await pages.next(here)
        try await writer.write(ByteBuffer(bytes: page.bytes))
        cursor = page.cursor
      }
      try await writer.finish(nil)
    }
  }
}
