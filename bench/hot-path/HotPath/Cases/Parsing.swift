internal import GateAPI
internal import HTTPServing
internal import NIOCore

/// A request's bytes, from the channel's buffer into the connection's, and all of its head: request line, fields,
/// framing.
enum HeadParsing {
  static func run(_ iterations: Int) -> Counts {
    let request = ByteBuffer(bytes: Subject.request)
    var inbound = HTTPInbound(limits: HTTPLimits())
    return Counts.counting(iterations) {
      var received = request
      inbound.append(&received)
      precondition(inbound.next() == .head)
      inbound.bodyBytesMax = 65_536
      precondition(inbound.next() == .complete)
      inbound.finishRequest()
    }
  }
}

/// The body of a check, into the fields that it may have.
enum BodyParsing {
  static func run(_ iterations: Int) -> Counts {
    let bytes = Array(Subject.body.utf8)
    return Counts.counting(iterations) {
      var body = GateBody()
      var scanner = JSONScanner(bytes.span)
      do {
        try scanner.readObject(into: &body, allowed: .check)
      } catch {
        preconditionFailure("The body is a check's: \(error)")
      }
      precondition(body.tokens == Subject.tokens && body.feature != nil)
    }
  }
}
