/// An incremental HTTP/1.1 request parser (RFC 9112) over bytes that somebody else holds.
///
/// A pure state machine: each ``step(_:)`` looks at the same bytes as before plus whatever was appended, and
/// says what to do. A verdict is only ever reached on complete lines, from first to last, so that it doesn't
/// depend on how the network cut the bytes. Where the RFC lets a server choose between guessing and refusing,
/// it refuses: two parsers in a row that guess differently are how requests are smuggled.
struct HTTPRequestParser {
  enum Step: Equatable {
    /// Nothing more to learn from these bytes.
    case needMore
    /// The head is complete: set ``bodyBytesMax`` and go on.
    case head
    /// Move `count` decoded bytes of the body down, then go on.
    case moveBody(from: Int, to: Int, count: Int)
    /// The request is complete; the next one starts at ``position``.
    case complete
    /// No acceptable request. Every further step says the same.
    case failed(HTTPRejection)
  }

  enum Phase: Equatable {
    case requestLine, fields
    /// The head was reported; framing of the body comes next.
    case bodyStart
    case fixedBody, chunkSize, chunkData, chunkEnd, trailers
    case complete
    case failed(HTTPRejection)
  }

  let limits: HTTPLimits
  var head = HTTPRequestHead()
  /// Largest decoded body, in bytes; asked of the handler once the head is known.
  var bodyBytesMax = 0

  var phase = Phase.requestLine
  /// Offset of the first byte that isn't parsed yet: always the start of a line or of chunk data.
  private(set) var position = 0
  /// Where the request's first byte is.
  private(set) var start = 0
  /// The decoded body.
  private(set) var body = HTTPSlice.empty
  /// Up to here there is no line feed: a line that drips in is not searched again from its beginning.
  private var searched = 0
  /// One empty line before the request is forgiven, as old clients send it after a body.
  private var skippedEmptyLine = false
  private var chunkRemaining = 0
  private var extensionBytes = 0
  private var trailerBytes = 0

  init(limits: HTTPLimits) {
    self.limits = limits
  }

  /// Makes ready for the next request, which starts at `offset`.
  mutating func reset(at offset: Int) {
    head.reset()
    phase = .requestLine
    position = offset
    start = offset
    searched = offset
    body = .empty
    skippedEmptyLine = false
    chunkRemaining = 0
    extensionBytes = 0
    trailerBytes = 0
  }

  /// The holder moved everything from ``position`` on down by `count` bytes. Only amid a chunked body: there
  /// what lies between is framing that nobody needs any more.
  mutating func shift(down count: Int) {
    position -= count
    searched -= count
  }

  /// True between the head and the end of a chunked body, when framing may be squeezed out.
  var isInChunkedBody: Bool {
    switch phase {
    case .chunkSize, .chunkData, .chunkEnd, .trailers: true
    default: false
    }
  }

  /// Goes as far as the bytes reach, or up to the next thing that the holder has to do.
  mutating func step(_ bytes: Span<UInt8>) -> Step {
    do throws(HTTPRejection) {
      while true {
        switch phase {
        case .requestLine:
          guard let end = try headLine(bytes) else { return .needMore }
          try requestLine(bytes, end)
        case .fields:
          guard let end = try headLine(bytes) else { return .needMore }
          let lower = position
          position = end &+ 2
          searched = position
          if lower < end {
            try field(bytes, lower, end)
          } else {
            try finishHead()
            return .head
          }
        case .bodyStart:
          try startBody()
        case .fixedBody:
          let upper = position &+ head.contentLength
          guard bytes.count >= upper else { return .needMore }
          body = HTTPSlice(position, upper)
          position = upper
          phase = .complete
        case .chunkSize:
          guard try chunkSize(bytes) else { return .needMore }
        case .chunkData:
          guard let move = chunkData(bytes) else { return .needMore }
          if move.from != move.to {
            return .moveBody(from: move.from, to: move.to, count: move.count)
          }
        case .chunkEnd:
          guard bytes.count >= position &+ 2 else { return .needMore }
          guard bytes[position] == Octets.carriageReturn, bytes[position &+ 1] == Octets.lineFeed else {
            throw .badRequest("Chunk data is longer than its size says.")
          }
          position &+= 2
          searched = position
          phase = .chunkSize
        case .trailers:
          guard try trailer(bytes) else { return .needMore }
        case .complete:
          return .complete
        case .failed(let rejection):
          return .failed(rejection)
        }
      }
    } catch {
      phase = .failed(error)
      return .failed(error)
    }
  }
}

// MARK: - Lines

extension HTTPRequestParser {
  /// Offset of the CR that ends the line at ``position``, once the whole line is there.
  @inline(__always)
  private mutating func line(_ bytes: Span<UInt8>, before clip: Int) throws(HTTPRejection) -> Int? {
    let upper = min(clip, bytes.count)
    guard let end = Octets.lineFeed(in: bytes, searched, upper) else {
      searched = max(searched, upper)
      return nil
    }
    guard end > position, bytes[end &- 1] == Octets.carriageReturn else {
      throw .badRequest("A line feed without a carriage return.")
    }
    return end &- 1
  }

  @inline(__always)
  private mutating func headLine(_ bytes: Span<UInt8>) throws(HTTPRejection) -> Int? {
    let clip = start &+ limits.headBytesMax
    if let end = try line(bytes, before: clip) { return end }
    if bytes.count >= clip { throw .headersTooLarge }
    return nil
  }

  private mutating func requestLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTPRejection) {
    let lower = position
    position = end &+ 2
    searched = position
    if lower == end {
      guard !skippedEmptyLine else { throw .badRequest("Empty lines instead of a request line.") }
      skippedEmptyLine = true
      return
    }
    try head.parseRequestLine(bytes, lower, end)
    phase = .fields
  }

  private mutating func field(_ bytes: Span<UInt8>, _ lower: Int, _ end: Int) throws(HTTPRejection) {
    guard head.fields.count < limits.headersMax else { throw .headersTooLarge }
    try head.parseField(bytes, lower, end)
  }

  private mutating func finishHead() throws(HTTPRejection) {
    try head.checkFraming()
    body = HTTPSlice(position, position)
    phase = .bodyStart
  }
}

// MARK: - Bodies

extension HTTPRequestParser {
  private mutating func startBody() throws(HTTPRejection) {
    if head.isChunked {
      phase = .chunkSize
    } else if head.contentLength > 0 {
      guard head.contentLength <= bodyBytesMax else { throw .bodyTooLarge }
      phase = .fixedBody
    } else {
      phase = .complete
    }
  }

  /// `chunk-size [ ";" extensions ] CRLF`; false when it isn't all there.
  private mutating func chunkSize(_ bytes: Span<UInt8>) throws(HTTPRejection) -> Bool {
    let digitsMax = 16
    let clip = position &+ digitsMax &+ 2 &+ limits.chunkExtensionBytesMax &- extensionBytes
    guard let end = try line(bytes, before: clip) else {
      if bytes.count >= clip { throw .badRequest("A chunk-size line is too long.") }
      return false
    }
    var index = position
    var size: UInt64 = 0
    while index < end, let digit = Octets.hexadecimal(bytes[index]) {
      guard index &- position < digitsMax else { throw .badRequest("A chunk size has too many digits.") }
      size = size &<< 4 | UInt64(digit)
      index &+= 1
    }
    guard index > position else { throw .badRequest("A chunk without a size.") }
    if index < end {
      guard bytes[index] == Octets.semicolon, Octets.control(in: bytes, index, end) == end else {
        throw .badRequest("Malformed chunk extension.")
      }
      extensionBytes &+= end &- index
      guard extensionBytes <= limits.chunkExtensionBytesMax else {
        throw .badRequest("Too many bytes of chunk extensions.")
      }
    }
    position = end &+ 2
    searched = position
    guard size > 0 else {
      phase = .trailers
      return true
    }
    guard size <= UInt64(max(0, bodyBytesMax &- body.count)) else { throw .bodyTooLarge }
    chunkRemaining = Int(size)
    phase = .chunkData
    return true
  }

  /// The next bytes of a chunk that are there, and where in the contiguous body they belong.
  private mutating func chunkData(_ bytes: Span<UInt8>) -> (from: Int, to: Int, count: Int)? {
    let count = min(chunkRemaining, bytes.count &- position)
    guard count > 0 else { return nil }
    let from = position
    let to = Int(body.upper)
    position &+= count
    searched = position
    body.upper &+= Int32(truncatingIfNeeded: count)
    chunkRemaining &-= count
    if chunkRemaining == 0 { phase = .chunkEnd }
    return (from, to, count)
  }

  /// One line of the trailer section. Trailers are checked like headers and dropped: whoever merges them
  /// into the head lets a client add fields behind the back of a proxy.
  private mutating func trailer(_ bytes: Span<UInt8>) throws(HTTPRejection) -> Bool {
    let clip = position &+ limits.trailerBytesMax &- trailerBytes
    guard let end = try line(bytes, before: clip) else {
      if bytes.count >= clip { throw .headersTooLarge }
      return false
    }
    let lower = position
    position = end &+ 2
    searched = position
    trailerBytes &+= position &- lower
    if lower == end {
      phase = .complete
    } else {
      _ = try HTTPRequestHead.splitField(bytes, lower, end)
    }
    return true
  }
}
