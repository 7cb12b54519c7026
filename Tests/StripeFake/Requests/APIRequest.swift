/// A request to the API, as it came.
package struct APIRequest: Sendable {
  /// `GET`, `POST`, `DELETE`.
  package var method: String
  /// Without the query: `/v1/customers`.
  package var path: String
  package var query: String
  /// Names in lower case.
  package var headers: [String: String]
  package var body: String

  /// `target` is path and query.
  package init(_ method: String, _ target: String, headers: [String: String], body: String = "") {
    self.method = method
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = parts.count == 2 ? String(parts[1]) : ""
    self.headers = Dictionary(headers.map { ($0.key.lowercased(), $0.value) }) { $1 }
    self.body = body
  }
}

/// What is answered.
package struct APIResponse: Sendable, Equatable {
  package var status: Int
  /// In the order they are sent.
  package var headers: [Header]
  package var json: JSON

  /// One header field.
  package struct Header: Sendable, Equatable {
    package var name: String
    package var value: String
  }

  init(_ status: Int, _ json: JSON) {
    self.status = status
    headers = []
    self.json = json
  }

  init(_ fault: StripeFault) {
    var error: JSON = [:]
    if let code = fault.code {
      error["code"] = .string(code)
      error["doc_url"] = .string("https://stripe.com/docs/error-codes/\(code.replacing("_", with: "-"))")
    }
    if let code = fault.declineCode { error["decline_code"] = .string(code) }
    error["message"] = .string(fault.message)
    if let param = fault.param { error["param"] = .string(param) }
    error["type"] = .string(fault.type)
    self.init(fault.status, ["error": error])
  }

  /// The value of a header.
  package func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}
