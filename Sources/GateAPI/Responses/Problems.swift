internal import Gate
internal import HTTPServing
internal import NIOCore

/// A denial or an error on its way out (RFC 9457), with the extra members and headers of its code.
struct Problem: Sendable {
  var code: ProblemCode
  var detail: String
  var errors: [FieldError] = []
  /// Further members: raw JSON, each beginning with a comma.
  var members: (@Sendable (inout ByteBuffer) -> Void)?
  /// Further header lines, each with its line end.
  var headers: (@Sendable (inout ByteBuffer) -> Void)?

  init(
    _ code: ProblemCode, _ detail: String, errors: [FieldError] = [],
    headers: (@Sendable (inout ByteBuffer) -> Void)?, members: (@Sendable (inout ByteBuffer) -> Void)? = nil
  ) {
    self.code = code
    self.detail = detail
    self.errors = errors
    self.headers = headers
    self.members = members
  }

  init(_ code: ProblemCode, _ detail: String, errors: [FieldError] = []) {
    self.init(code, detail, errors: errors, headers: nil)
  }

  static func invalid(_ error: FieldError) -> Problem {
    Problem(.invalidRequest, "\(error.field) \(error.message).", errors: [error])
  }

  static let malformedJSON = Problem(
    .invalidRequest, "The body is not a JSON object.",
    errors: [FieldError(field: "", message: "must be a JSON object")])
  static let tokenMissing = Problem(.tokenMissing, "Send the token as X-TLE-Token.", headers: challenge)
  static let tokenInvalid = Problem(.tokenInvalid, "The credential is not valid.", headers: challenge)
  static let unavailable = Problem(
    .storeUnavailable, "The counters can't be reached; nothing was taken.",
    headers: { $0.writeStaticString("Retry-After: 1\r\n") })
  static let overloaded = Problem(
    .storeUnavailable, "Too many requests are under way.",
    headers: { $0.writeStaticString("Retry-After: 1\r\n") })

  private static let challenge: @Sendable (inout ByteBuffer) -> Void = {
    $0.writeStaticString("WWW-Authenticate: TLE-Token realm=\"tollgate\"\r\n")
  }

  /// `status` is the answer's where HTTP itself has a more exact one than the code's: 501, 505.
  func writeBody(into out: inout ByteBuffer, docsBase: String, status: Int? = nil) {
    out.json("{\"type\":")
    out.json(string: code.type(docsBase: docsBase))
    out.json(",\"title\":")
    out.json(string: code.title)
    out.json(",\"status\":")
    out.json(Int64(status ?? code.status))
    out.json(",\"detail\":")
    out.json(string: detail)
    out.json(",\"code\":")
    out.json(string: code.rawValue)
    if code == .invalidRequest {
      out.json(",\"errors\":[")
      for (index, error) in errors.enumerated() {
        out.json(index == 0 ? "{\"field\":" : ",{\"field\":")
        out.json(string: error.field)
        out.json(",\"message\":")
        out.json(string: error.message)
        out.json("}")
      }
      out.json("]")
    }
    members?(&out)
    out.json("}")
  }
}
