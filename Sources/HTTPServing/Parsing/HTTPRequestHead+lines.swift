/// What each line of the head means. The lines come without their CRLF.
extension HTTPRequestHead {
  /// `method SP request-target SP HTTP-version`, with single spaces.
  mutating func parseRequestLine(
    _ bytes: Span<UInt8>, _ lower: Int, _ end: Int
  ) throws(HTTPRejection) {
    var index = lower
    while index < end, Octets.isToken(bytes[index]) { index &+= 1 }
    guard index > lower, index < end, bytes[index] == Octets.space else {
      throw .badRequest("Malformed method.")
    }
    methodText = HTTPSlice(lower, index)
    method = HTTPMethod.recognise(bytes, lower, index)

    let target = index &+ 1
    index = target
    var question = -1
    while index < end {
      let byte = bytes[index]
      // Visible ASCII without '#': fragments are never sent, and everything else has to be escaped.
      guard byte > 0x20, byte < 0x7F, byte != 0x23 else { break }
      if byte == Octets.questionMark, question < 0 { question = index }
      index &+= 1
    }
    guard index > target, index < end, bytes[index] == Octets.space else {
      throw .badRequest("Malformed request target.")
    }
    try parseVersion(bytes, index &+ 1, end)
    try parseTarget(bytes, target, question < 0 ? index : question)
    query = question < 0 ? nil : HTTPSlice(question &+ 1, index)
  }

  private mutating func parseVersion(
    _ bytes: Span<UInt8>, _ lower: Int, _ end: Int
  ) throws(HTTPRejection) {
    guard end &- lower == 8, Octets.equal(bytes, lower, "HTTP/"), Octets.isDigit(bytes[lower &+ 5]),
      bytes[lower &+ 6] == 0x2E, Octets.isDigit(bytes[lower &+ 7])
    else { throw .badRequest("Malformed protocol version.") }
    guard bytes[lower &+ 5] == 0x31, bytes[lower &+ 7] &- 0x30 < 2 else { throw .versionNotSupported }
    versionMinor = Int(bytes[lower &+ 7] &- 0x30)
  }

  /// Origin form, or the path of an absolute form. `upper` is where the query or the target ends.
  private mutating func parseTarget(
    _ bytes: Span<UInt8>, _ lower: Int, _ upper: Int
  ) throws(HTTPRejection) {
    if lower < upper, bytes[lower] == Octets.slash {
      path = HTTPSlice(lower, upper)
      return
    }
    if method == .options, upper &- lower == 1, bytes[lower] == 0x2A {
      path = HTTPSlice(lower, upper)
      return
    }
    let authority: Int
    if upper &- lower > 7, Octets.equalIgnoringCase(bytes, lower, lower &+ 7, "http://") {
      authority = lower &+ 7
    } else if upper &- lower > 8, Octets.equalIgnoringCase(bytes, lower, lower &+ 8, "https://") {
      authority = lower &+ 8
    } else {
      throw .badRequest("The request target is neither a path nor a URI.")
    }
    var index = authority
    while index < upper, Octets.isHost(bytes[index]) { index &+= 1 }
    guard index > authority else { throw .badRequest("The request target has no host.") }
    if index == upper {
      // `http://host` asks for `/`; the last slash before the host lends its byte.
      path = HTTPSlice(authority &- 1, authority)
    } else if bytes[index] == Octets.slash {
      path = HTTPSlice(index, upper)
    } else {
      throw .badRequest("The request target has a malformed host.")
    }
  }

  /// Name and value of a `name: value` line, the value without the white space around it.
  @inline(__always)
  static func splitField(
    _ bytes: Span<UInt8>, _ lower: Int, _ end: Int
  ) throws(HTTPRejection) -> Field {
    var index = lower
    while index < end, Octets.isToken(bytes[index]) { index &+= 1 }
    // A line that begins with white space (obs-fold) and a space before the colon end up here too.
    guard index > lower, index < end, bytes[index] == Octets.colon else {
      throw .badRequest("Malformed header name.")
    }
    let name = HTTPSlice(lower, index)
    guard Octets.control(in: bytes, index &+ 1, end) == end else {
      throw .badRequest("A header value has control characters.")
    }
    var valueLower = index &+ 1
    var valueUpper = end
    while valueLower < valueUpper, isBlank(bytes[valueLower]) { valueLower &+= 1 }
    while valueLower < valueUpper, isBlank(bytes[valueUpper &- 1]) { valueUpper &-= 1 }
    return Field(name: name, value: HTTPSlice(valueLower, valueUpper))
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == Octets.space || byte == Octets.tab }

  mutating func parseField(_ bytes: Span<UInt8>, _ lower: Int, _ end: Int) throws(HTTPRejection) {
    let field = try Self.splitField(bytes, lower, end)
    if let header = KnownHeader.recognise(bytes, Int(field.name.lower), Int(field.name.upper)) {
      note(header)
      try interpret(header, bytes, field.value)
    }
    fields.append(field)
  }

  /// The fields that steer the connection; everything else is the handler's.
  @inline(__always)
  private mutating func interpret(
    _ header: KnownHeader, _ bytes: Span<UInt8>, _ value: HTTPSlice
  ) throws(HTTPRejection) {
    switch header {
    case .contentLength:
      guard !isRepeated(.contentLength) else { throw .badRequest("More than one Content-Length.") }
      contentLength = try Self.length(bytes, value)
    case .transferEncoding:
      guard !isRepeated(.transferEncoding) else { throw .notImplemented }
      isChunked =
        Octets.equalIgnoringCase(bytes, Int(value.lower), Int(value.upper), "chunked")
    case .host:
      guard !isRepeated(.host) else { throw .badRequest("More than one Host.") }
      for index in value.range where !Octets.isHost(bytes[index]) {
        throw .badRequest("Malformed Host.")
      }
    case .connection:
      readConnectionOptions(bytes, value)
    case .expect:
      if Octets.equalIgnoringCase(bytes, Int(value.lower), Int(value.upper), "100-continue") {
        expectsContinue = true
      }
    default:
      break
    }
  }

  private static func length(_ bytes: Span<UInt8>, _ value: HTTPSlice) throws(HTTPRejection) -> Int {
    guard !value.isEmpty else { throw .badRequest("Malformed Content-Length.") }
    var length = 0
    for index in value.range {
      guard Octets.isDigit(bytes[index]) else { throw .badRequest("Malformed Content-Length.") }
      // Past 10¹⁷ only the magnitude matters: it is too large for every handler.
      if length < 100_000_000_000_000_000 { length = length &* 10 &+ Int(bytes[index] &- 0x30) }
    }
    return length
  }

  private mutating func readConnectionOptions(_ bytes: Span<UInt8>, _ value: HTTPSlice) {
    var index = Int(value.lower)
    let upper = Int(value.upper)
    while index < upper {
      while index < upper, Self.isBlank(bytes[index]) || bytes[index] == Octets.comma { index &+= 1 }
      let lower = index
      while index < upper, !Self.isBlank(bytes[index]), bytes[index] != Octets.comma { index &+= 1 }
      if Octets.equalIgnoringCase(bytes, lower, index, "close") { saysClose = true }
      if Octets.equalIgnoringCase(bytes, lower, index, "keep-alive") { saysKeepAlive = true }
    }
  }

  /// What can only be said once all fields are there.
  func checkFraming() throws(HTTPRejection) {
    guard versionMinor == 0 || isPresent(.host) else { throw .badRequest("No Host.") }
    guard isPresent(.transferEncoding) else { return }
    guard contentLength < 0 else {
      throw .badRequest("Both Content-Length and Transfer-Encoding.")
    }
    guard versionMinor == 1 else { throw .badRequest("Transfer-Encoding in HTTP/1.0.") }
    guard isChunked else { throw .notImplemented }
  }
}
