internal import Gate
internal import HTTPTypes
package import Hummingbird
internal import NIOCore

/// The admin listener's transport: hummingbird's request in, ``ControlRoutes``, hummingbird's answer out.
package struct ControlResponder: HTTPResponder {
  /// Nothing of ours travels in the context.
  package typealias Context = BasicRequestContext
  let routes: ControlRoutes

  /// Serves a table of calls.
  package init(_ routes: ControlRoutes) { self.routes = routes }

  /// Reads the body within the route's bound, and answers.
  package func respond(to request: Request, context: Context) async throws -> Response {
    let path = request.head.path ?? "/"
    var headers = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
    if let host = request.head.authority { headers.append((name: "host", value: host)) }
    var plain = ControlRequest(method: request.method.rawValue, target: path, headers: headers)
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
