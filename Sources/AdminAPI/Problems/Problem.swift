package import Gate

/// What is wrong with one field of a request.
package struct FieldError: Sendable, Equatable {
  /// The name as the caller sent it, or of a header.
  package var field: String
  /// Goes on from the field's name: "must be …".
  package var message: String

  /// Makes an error.
  package init(_ field: String, _ message: String) {
    self.field = field
    self.message = message
  }
}

/// An answer that is not what was asked for: thrown by handlers, written as RFC 9457 in one place.
package struct Problem: Error, Sendable {
  /// Decides status and title.
  package var code: ProblemCode
  /// For people. Never holds a credential, SQL or a cause.
  package var detail: String
  /// Of a 400: every field that is wrong.
  package var errors: [FieldError]
  /// Beside the content type.
  package var headers: [(name: String, value: String)]

  /// Makes a problem.
  package init(
    _ code: ProblemCode, _ detail: String, errors: [FieldError] = [],
    headers: [(name: String, value: String)] = []
  ) {
    self.code = code
    self.detail = detail
    self.errors = errors
    self.headers = headers
  }

  /// 400 about several fields.
  package static func invalid(_ errors: [FieldError]) -> Problem {
    let fields = errors.map { "`\($0.field)` \($0.message)" }.joined(separator: "; ")
    return Problem(.invalidRequest, "\(fields).", errors: errors)
  }

  /// 400 about one field.
  package static func invalid(_ field: String, _ message: String) -> Problem {
    invalid([FieldError(field, message)])
  }

  /// 404 that names what is missing: `user u_42`.
  package static func notFound(_ what: String) -> Problem {
    Problem(.notFound, "There is no \(what).")
  }

  /// The `application/problem+json` answer.
  package func response(docsBase: String) -> ControlResponse {
    var members: [JSON.Member] = [
      JSON.Member("type", .string(code.type(docsBase: docsBase))),
      JSON.Member("title", .string(code.title)),
      JSON.Member("status", .integer(Int64(code.status))),
      JSON.Member("detail", .string(detail)),
      JSON.Member("code", .string(code.rawValue)),
    ]
    if !errors.isEmpty {
      let list = errors.map {
        JSON.object([.init("field", .string($0.field)), .init("message", .string($0.message))])
      }
      members.append(JSON.Member("errors", .array(list)))
    }
    let type = (name: "Content-Type", value: "application/problem+json")
    return ControlResponse(
      status: code.status, headers: [type] + headers, body: .bytes(JSON.object(members).bytes))
  }
}
