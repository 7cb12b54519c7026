/// Takes the outcome of requests, on the event loop of the connection. One receiver may have any number
/// of requests under way; `tag` is what it gave to ``RedisConnection/send(tag:to:deadline:_:)``.
package protocol RedisReplyReceiver: AnyObject {
  /// The reply, error replies included. It is lent: its bytes are gone when the call returns.
  func received(_ reply: borrowing RedisReply, tag: Int)
  /// There is no reply. May come before `send` has returned, when nothing could be sent.
  func failed(_ error: RedisFailure, tag: Int)
}

/// A reply, or an element of one, as it lies in the connection's storage. It can't be copied, and using
/// one that was smuggled out of ``RedisReplyReceiver/received(_:tag:)`` stops the process.
package struct RedisReply: ~Copyable {
  /// What RESP2 has.
  package enum Kind: UInt8, Sendable {
    case string, array, integer, `nil`, status, error
  }

  private let storage: ReplyStorage
  private let generation: UInt64
  private let node: ReplyStorage.Node

  init(storage: ReplyStorage, node: ReplyStorage.Node) {
    self.storage = storage
    self.generation = storage.generation
    self.node = node
  }

  /// Which of RESP2's kinds it is; `nil` stands for the null bulk and the null array.
  package var kind: Kind { node.kind }

  /// The number of an integer reply; 0 for every other kind.
  package var integer: Int64 { node.kind == .integer ? node.value : 0 }

  /// Elements of an array; 0 for every other kind.
  package var count: Int { node.kind == .array ? Int(node.value) : 0 }

  /// Element `index`, 0 to `count` − 1.
  package subscript(index: Int) -> RedisReply {
    precondition(storage.generation == generation, "a reply was used after its call")
    precondition(index >= 0 && index < count, "no such element")
    return RedisReply(storage: storage, node: storage.nodes[node.start + index])
  }

  /// Lends the bytes of a string, status or error; no bytes for every other kind.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    precondition(storage.generation == generation, "a reply was used after its call")
    guard hasBytes else { return unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    return unsafe storage.withBytes(at: node.start, count: Int(node.value), body)
  }

  /// The bytes as text (invalid UTF-8 is repaired); empty for kinds without bytes. Allocates.
  package var string: String {
    unsafe withBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// A copy that owns its bytes.
  package var value: RedisValue {
    switch kind {
    case .nil: .nothing
    case .integer: .integer(integer)
    case .status: .status(string)
    case .string: .bytes(unsafe withBytes { unsafe [UInt8]($0) })
    case .error: .error(RedisErrorReply(message: string))
    case .array: .array((0..<count).map { self[$0].value })
    }
  }

  /// Whether it is the error that FCALL answers when Redis doesn't have the function.
  package var isMissingFunction: Bool { kind == .error && starts(with: "ERR Function not found") }

  var length: Int { Int(node.value) }

  var hasBytes: Bool { kind == .string || kind == .status || kind == .error }
}
