package import NIOCore

/// One argument of a command on a cold path. The hot path writes its bytes itself
/// (``RedisConnection/send(tag:to:deadline:_:)``).
package enum RedisArgument: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case text(String)
  case bytes([UInt8])
  case buffer(ByteBuffer)
  case integer(Int64)

  /// `.text`.
  package init(stringLiteral value: String) { self = .text(value) }
  /// `.integer`.
  package init(integerLiteral value: Int64) { self = .integer(value) }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .text(let text): buffer.writeBulk(text)
    case .bytes(let bytes): buffer.writeBulk(bytes)
    case .buffer(let bytes): buffer.writeBulk(bytes)
    case .integer(let value): buffer.writeBulk(integer: value)
    }
  }
}

/// A reply that owns its bytes.
package enum RedisValue: Sendable, Equatable {
  case nothing
  case integer(Int64)
  case status(String)
  case bytes([UInt8])
  case array([RedisValue])
  case error(RedisErrorReply)

  /// A bulk or status as text (invalid UTF-8 is repaired); nil for every other kind.
  package var string: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// An integer reply, or a bulk that is nothing but a decimal integer; otherwise nil.
  package var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .bytes, .status: string.flatMap { Int64($0) }
    default: nil
    }
  }

  /// The elements of an array; nil for every other kind.
  package var array: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}

/// An error that Redis answered: the command was refused, or failed on the way.
package struct RedisErrorReply: Error, Sendable, Equatable {
  /// The whole line without `-`: `NOSCRIPT No matching script. Please use EVAL.`
  package let message: String

  /// `message` is the whole line without `-`.
  package init(message: String) { self.message = message }

  /// The first word, which tells programs what it is: `NOSCRIPT`, `LOADING`, `ERR`.
  package var code: Substring { message.prefix { $0 != " " } }

  /// Whether Redis can't serve anyone for now (loading, failing over, out of memory, read-only), as
  /// opposed to having disliked this command.
  package var isTemporary: Bool {
    switch code {
    case "LOADING", "BUSY", "MASTERDOWN", "READONLY", "OOM", "CLUSTERDOWN", "TRYAGAIN", "MISCONF",
      "NOREPLICAS":
      true
    default: false
    }
  }
}
