internal import AdminAPI
internal import Gate

/// A form has to come from a page of this very server. Browsers say where a request comes from in
/// `Sec-Fetch-Site`, and all of them in `Origin`; a form that says neither comes from no browser.
enum FormOrigin {
  static func check(_ request: ControlRequest) throws(Problem) {
    let refusal = Problem(.forbidden, "This form comes from another site, and nothing was done.")
    if let site = try request.value(of: "Sec-Fetch-Site"), site != "same-origin" { throw refusal }
    if let origin = try request.value(of: "Origin") {
      // A proxy may have ended TLS, so the scheme may be another one; the host may not.
      guard let separator = origin.firstRange(of: "://"), let host = try request.value(of: "Host"),
        origin[separator.upperBound...].lowercased() == host.lowercased()
      else { throw refusal }
    } else if request.values(of: "Sec-Fetch-Site").isEmpty {
      throw refusal
    }
  }
}
